package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// prober asks whether what is behind a URL is well. Connections are not kept: a balancer may have moved on to another one.
var prober = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}

// probe returns nil when the answer is 200 to 299. Errors leave the URL out, which may hold a password.
func probe(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("its health URL is none")
	}
	response, err := prober.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("its health is %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	return nil
}
