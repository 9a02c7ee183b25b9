package config

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedactorHidesGivenSecrets(t *testing.T) {
	const secret = `pa ss"wörd/1`
	redact := Redactor(secret, "abc", "tok-123", "tok-123456")
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), `pa ss\"wörd/1`,
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"tok-123", "tok-123456",
	} {
		require.Equal(t, "before *** after", redact("before "+form+" after"), form)
	}
	quoted := `a"<b>\c-secret`
	require.Equal(t, `"***"`, Redactor(Secret(quoted))(fmt.Sprintf("%q", quoted)))
	require.Equal(t, "abc is too short to hide", redact("abc is too short to hide"))
}

func TestRedactorHidesWhatLooksLikeACredential(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
	key := "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n"
	for text, want := range map[string]string{
		"id AKIAIOSFODNN7EXAMPLE.": "id ***.",
		"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY":    "aws_secret_access_key = ***",
		`{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG", "Region": "eu-west-1"}`: `{"SecretAccessKey": "***", "Region": "eu-west-1"}`,
		`"{\"password\": \"hunter 2\", \"user\": \"ada\"}"`:                   `"{\"password\": \"***\", \"user\": \"ada\"}"`,
		"posting with xoxb-1234-abcdef":                                       "posting with ***",
		"xapp-1-A02-345-abc":                                                  "***",
		"https://hooks.slack.com/services/T0/B0/XXXX":                         "https://hooks.slack.com/services/***",
		"clone with ghp_0123456789abcdef0123 please":                          "clone with *** please",
		"github_pat_11ABCDEFG0abcdefghij":                                     "***",
		"glpat-abcdefghij0123456789":                                          "***",
		`{"log":"cloning\nglpat-abcdefghij0123456789\n"}`:                     `{"log":"cloning\n***\n"}`,
		`"\tAKIAIOSFODNN7EXAMPLE"`:                                            `"\t***"`,
		`"\nghp_0123456789abcdef0123"`:                                        `"\n***"`,
		key + "-----END RSA PRIVATE KEY-----\nrest":                           "***\nrest",
		"cut off: " + key:                                                     "cut off: ***",
		"session " + jwt:                                                      "session ***",
		"DB_PASSWORD=hunter2 ./deploy.sh":                                     "DB_PASSWORD=*** ./deploy.sh",
		"password: 'correct horse' next":                                      "password: '***' next",
		"api_key=abc&user=ada":                                                "api_key=***&user=ada",
		"token: abc, next":                                                    "token: ***, next",
		"redis://:hunter2@cache:6379 refused":                                 "redis://:***@cache:6379 refused",
		"postgres://ada:p@ss:w@db/orders":                                     "postgres://ada:***@db/orders",
		"Authorization: Bearer abc.def":                                       "Authorization: Bearer ***",
		`-H "authorization: Basic YWRhOmxvdmVsYWNl"`:                          `-H "authorization: Basic ***"`,
		"sent bearer 0123456789abcdef0123":                                    "sent bearer ***",
	} {
		require.Equal(t, want, Redactor()(text))
	}
}

func TestRedactorLeavesOrdinaryTextAlone(t *testing.T) {
	for _, text := range []string{
		"Make the cart faster (#42)", "checkout 1.4.0: p95 250 ms (+40 %)", "https://github.com/innerscale/checkout/pull/7",
		"http://127.0.0.1:9000/cart?from=a@b.c", "Fix the password form", "add a token bucket", "author Ada <ada@example.com>",
	} {
		require.Equal(t, text, Redactor("a-real-secret")(text))
	}
}

func TestFollowingLearns(t *testing.T) {
	further := []string{"4f2a-9c1e"}
	redact := Following([]Secret{"a-real-secret"}, func() []string { return further })
	require.Equal(t, "*** *** b7d3-0e55", redact("a-real-secret 4f2a-9c1e b7d3-0e55"))
	further = append(further, "b7d3-0e55")
	require.Equal(t, "*** *** ***", redact("a-real-secret 4f2a-9c1e b7d3-0e55"))
}

func TestFollowingServesMany(t *testing.T) {
	var more atomic.Bool
	redact := Following(nil, func() []string {
		if more.Load() {
			return []string{"4f2a-9c1e", "b7d3-0e55"}
		}
		return []string{"4f2a-9c1e"}
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			more.Store(true)
			require.Equal(t, "***", redact("4f2a-9c1e"))
		})
	}
	all.Wait()
	require.Equal(t, "***", redact("b7d3-0e55"))
}

func TestDetector(t *testing.T) {
	holds := Detector("a-real+secret", "short")
	for text, want := range map[string]bool{
		"registry.example/a-real+secret:1": true, "x?y=a-real%2Bsecret": true, "YS1yZWFsK3NlY3JldA==": true,
		"registry.example/token-service:abc123": false, "AKIAIOSFODNN7EXAMPLE": false, "short": false, "": false,
	} {
		require.Equal(t, want, holds(text), text)
	}
}

// FuzzRedactor: no given secret survives, and a second pass finds nothing more.
func FuzzRedactor(f *testing.F) {
	for _, text := range []string{"password=hunter2", "a://b:c@d", "Authorization: Bearer x", canary, `{"token":"x"}`, "secret: token: abc"} {
		f.Add(text)
	}
	redact := Redactor(canary)
	f.Fuzz(func(t *testing.T, text string) {
		once := redact(text + canary + text)
		require.NotContains(t, once, canary)
		require.Equal(t, once, redact(once))
	})
}

func BenchmarkRedactor(b *testing.B) {
	redact := Redactor(canary)
	output := strings.Repeat("step 12: rolled out checkout to load, 3 of 3 replicas are ready\n", 200)
	b.SetBytes(int64(len(output)))
	for b.Loop() {
		redact(output)
	}
}
