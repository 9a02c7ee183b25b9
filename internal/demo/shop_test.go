package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newShop(t *testing.T) *Shop {
	shop, err := Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, shop.Close()) })
	return shop
}

func image(service, version string) string {
	return fmt.Sprintf("%s/%s:%s-4f2a9c1", registry, service, version)
}

// mustDeploy returns what the deploy printed.
func mustDeploy(t *testing.T, shop *Shop, service, version string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Deploy(t.Context(), shop.ControlURL, service, image(service, version), &out), &out)
	return out.String()
}

// ask sends one request through the gateway and returns the version that answered, or the status's text.
func ask(ctx context.Context, shop *Shop, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, shop.URL+path, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return response.Status, err
	}
	var answer struct{ Service, Version string }
	err = json.Unmarshal(body, &answer)
	return answer.Version, err
}

func mustAsk(t *testing.T, shop *Shop, path string) string {
	t.Helper()
	answer, err := ask(t.Context(), shop, path)
	require.NoError(t, err)
	return answer
}

// load sends n requests, a few at a time, and returns how long they took, shortest first, and the answers.
func load(t *testing.T, shop *Shop, path string, n int) (took []time.Duration, answers []string) {
	t.Helper()
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	const atOnce = 10
	for range atOnce {
		wait.Go(func() {
			for range n / atOnce {
				began := time.Now()
				answer, err := ask(t.Context(), shop, path)
				mu.Lock()
				took, answers = append(took, time.Since(began)), append(answers, answer)
				if err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	require.NoError(t, failed)
	slices.Sort(took)
	return took, answers
}

// ratio of a quantile of two sorted lists.
func ratio(now, was []time.Duration, q float64) float64 {
	at := func(list []time.Duration) float64 { return float64(list[int(q*float64(len(list)))]) }
	return at(now) / at(was)
}

func TestVersionsDifferInLatencyAsDeclared(t *testing.T) {
	for _, c := range []struct {
		service, path, was, now string
		low, high               float64 // bounds of the medians' ratio
	}{
		{"checkout", "/orders", "1.4.0", slowerVersion, 1.25, 1.60},
		{"checkout", "/cart", "1.4.0", "1.5.2", 0.85, 1.15},
		{"search", "/search", "2.0.0", "2.1.0", 0.85, 1.15},
		{"search", "/search", "2.0.0", fasterVersion, 0.55, 0.85},
	} {
		t.Run(c.service+" "+c.now, func(t *testing.T) {
			t.Parallel()
			shop := newShop(t)
			mustDeploy(t, shop, c.service, c.was)
			was, _ := load(t, shop, c.path, 90)
			mustDeploy(t, shop, c.service, c.now)
			now, _ := load(t, shop, c.path, 90)
			got := ratio(now, was, 0.5)
			t.Logf("p50 x %.2f, p95 x %.2f", got, ratio(now, was, 0.95))
			require.Greater(t, got, c.low)
			require.Less(t, got, c.high)
		})
	}
}

func TestADeployReplacesTheVersionWithoutLosingRequests(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	require.Equal(t, "503 Service Unavailable", mustAsk(t, shop, "/cart"), "nothing is deployed yet")
	mustDeploy(t, shop, "checkout", "1.4.0")
	require.Equal(t, "1.4.0", mustAsk(t, shop, "/cart"))
	require.Equal(t, "503 Service Unavailable", mustAsk(t, shop, "/search"), "another service")

	old := shop.routes["checkout"].running
	var answers []string
	var loaded sync.WaitGroup
	loaded.Go(func() { _, answers = load(t, shop, "/orders", 120) })
	require.Eventually(t, func() bool { return len(shop.orders.pool.Load().taken) > 0 }, 5*time.Second, time.Millisecond)
	printed := mustDeploy(t, shop, "checkout", slowerVersion)
	loaded.Wait()

	slices.Sort(answers)
	require.Equal(t, []string{"1.4.0", slowerVersion}, slices.Compact(answers), "every request must be answered, by either")
	require.Contains(t, printed, "1.5.0 answers at http://127.0.0.1:")
	require.Contains(t, printed, "1.4.0 has answered its last request and stopped")
	_, err := http.Get(old.url + "/healthz")
	require.Error(t, err, "the old version must be gone")
}

func TestADeployThatFailsSaysWhyAndLeavesTheOldVersion(t *testing.T) {
	shop := newShop(t)
	mustDeploy(t, shop, "checkout", "1.4.0")
	for name, c := range map[string]struct{ service, image, want string }{
		"does not start":  {"checkout", image("checkout", brokenVersion), "panic: missing ORDERS_DB_URL\ncheckout 1.6.0 did not start; 1.4.0 goes on serving\n"},
		"unknown service": {"stock", image("stock", "1.0.0"), `the shop has no service "stock"`},
		"another's image": {"checkout", image("search", "1.0.0"), ""},
		"no tag":          {"checkout", registry + "/checkout", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.Error(t, Deploy(t.Context(), shop.ControlURL, c.service, c.image, &out))
			require.Contains(t, out.String(), c.want)
			require.Equal(t, "1.4.0", mustAsk(t, shop, "/cart"))
		})
	}
}

func TestSomeRequestsFailInAVersionThatIsDeclaredSo(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	mustDeploy(t, shop, "billing", failingVersion)
	_, answers := load(t, shop, "/invoices", 300)
	failed := len(slices.DeleteFunc(answers, func(a string) bool { return a == failingVersion }))
	require.Greater(t, failed, 0)
	require.Less(t, failed, 60)
}

func TestApplyChangesTheOrdersDatabase(t *testing.T) {
	shop := newShop(t)
	var out bytes.Buffer
	require.NoError(t, Apply(t.Context(), shop.ControlURL, widerVersion, &out))
	require.Contains(t, out.String(), "connections 40, were 20")
	require.Equal(t, stackReleases[widerVersion], shop.orders.pool.Load().settings)

	err := Apply(t.Context(), shop.ControlURL, "99", &out)
	require.ErrorContains(t, err, "release 99")
	require.Contains(t, out.String(), `no release "99"`)
	require.Equal(t, stackReleases[widerVersion], shop.orders.pool.Load().settings)
}

func TestQueriesWaitForAConnectionUpToTheTimeout(t *testing.T) {
	o := newOrders()
	o.configure(settings{connections: 1, timeout: 50 * time.Millisecond})
	o.pool.Load().taken <- struct{}{} // somebody holds the only one
	require.ErrorIs(t, o.query(t.Context()), errTimeout)

	o.configure(settings{connections: 1, timeout: time.Minute})
	o.pool.Load().taken <- struct{}{}
	time.AfterFunc(time.Millisecond, func() { <-o.pool.Load().taken })
	require.NoError(t, o.query(t.Context()))

	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, o.query(over), context.Canceled)
}

func TestAClosedShopRefusesOrders(t *testing.T) {
	shop, err := Start(t.Context())
	require.NoError(t, err)
	mustDeploy(t, shop, "search", "2.0.0")
	running := shop.routes["search"].running
	require.NoError(t, shop.Close())
	require.ErrorContains(t, Deploy(t.Context(), shop.ControlURL, "search", image("search", "2.1.0"), io.Discard), "is the demo still running?")
	_, err = http.Get(running.url)
	require.Error(t, err)
	require.True(t, strings.HasPrefix(running.url, "http://127.0.0.1:"))
}
