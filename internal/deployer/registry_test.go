package deployer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegistryTrouble(t *testing.T) {
	for said, want := range map[string]bool{
		`failed to pull and unpack image "123.dkr.ecr.eu-west-1.amazonaws.com/shop:1": unexpected status from HEAD request: 403 Forbidden`: true,
		"failed to authorize: failed to fetch oauth token: unexpected status from GET request: 504 Gateway Timeout":                        true,
		"unexpected status from HEAD request to https://mirror/v2/shop: 429 Too Many Requests":                                             true,
		"toomanyrequests: You have reached your pull rate limit":                                                                           true,
		`failed to do request: Head "https://reg/v2/": context deadline exceeded`:                                                          true,
		`failed to do request: Head "https://reg/v2/": EOF`:                                                                                true,
		"pull image manifest has been retried 1 time(s): net/http: TLS handshake timeout":                                                  true,
		"dial tcp: lookup reg on 10.0.0.2:53: no such host":                                                                                true,
		"dial tcp 10.0.0.7:443: i/o timeout":                                                                                               true,
		"dial tcp 10.0.0.7:443: connect: connection refused":                                                                               true,
		"tls: failed to verify certificate: x509: certificate signed by unknown authority":                                                 true,
		`failed to resolve reference "reg/shop:1": reg/shop:1: not found`:                                                                  false,
		"manifest unknown: manifest unknown":                                                                                               false,
		"pull access denied for shop, repository does not exist or may require 'docker login'":                                             false,
		"reg/geoffrey/eof-service:1.503.0: not found":                                                                                      false,
		"no matching manifest for linux/arm64/v8 in the manifest list entries":                                                             false,
	} {
		require.Equal(t, want, RegistryTrouble(said), said)
	}
}

func TestMovable(t *testing.T) {
	require.True(t, Movable("localhost:5000/shop:1.2"))
	require.False(t, Movable("localhost:5000/shop:1.2@sha256:0a1b"))
}
