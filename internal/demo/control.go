package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// order is what the shop is told to do.
type order struct {
	Service string `json:"service,omitempty"`
	Version string `json:"version"`
}

// controls take the orders. What was done is answered line by line; an order that failed is answered with 422 and why.
func (s *Shop) controls() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /deploy", obey(func(ctx context.Context, o order, tell func(string, ...any)) error {
		return s.deploy(ctx, o.Service, o.Version, tell)
	}))
	mux.Handle("POST /apply", obey(func(_ context.Context, o order, tell func(string, ...any)) error {
		return s.orders.apply(o.Version, tell)
	}))
	return mux
}

func obey(do func(context.Context, order, func(format string, args ...any)) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&o); err != nil {
			http.Error(w, "no order: "+err.Error(), http.StatusBadRequest)
			return
		}
		var told bytes.Buffer
		tell := func(format string, args ...any) { fmt.Fprintf(&told, format+"\n", args...) }
		if err := do(r.Context(), o, tell); err != nil {
			tell("%s", err)
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		w.Write(told.Bytes())
	}
}

// Deploy replaces the version of a service that runs in the shop by that of an image such as
// "registry.innerscale.example/checkout:1.5.0-4f2a9c1", and prints what happens. It returns once the version serves, or an
// error when it does not start. This is what the catalog of the demo calls to deploy.
func Deploy(ctx context.Context, control, service, image string, out io.Writer) error {
	version, err := versionOf(service, image)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: starting %s\n", service, image)
	if err := send(ctx, control+"/deploy", order{service, version}, out); err != nil {
		return fmt.Errorf("deploy %s %s: %w", service, version, err)
	}
	return nil
}

// Apply brings a release of the infrastructure stack, such as "42", into effect, and prints what changes.
func Apply(ctx context.Context, control, version string, out io.Writer) error {
	fmt.Fprintf(out, "orders-db: applying release %s\n", version)
	if err := send(ctx, control+"/apply", order{Version: version}, out); err != nil {
		return fmt.Errorf("apply release %s: %w", version, err)
	}
	return nil
}

// versionOf reads the version off an image's tag, which is the version, a dash and the revision.
func versionOf(service, image string) (string, error) {
	name, tag, ok := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !ok || name != service {
		return "", fmt.Errorf("%q is no image of %s; write for example %s/%s:1.4.0-4f2a9c1", image, service, registry, service)
	}
	version, _, _ := strings.Cut(tag, "-")
	return version, nil
}

func send(ctx context.Context, url string, o order, out io.Writer) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the shop does not answer; is the demo still running? %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return fmt.Errorf("read the shop's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return errors.New("failed; the lines above say why")
	}
	return nil
}
