package peers

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// pairs are RSA keys that all servers of a test binary share, for making one takes longer than most tests.
var pairs = struct {
	sync.Mutex
	made map[int]*rsa.PrivateKey
}{made: map[int]*rsa.PrivateKey{}}

// pair is the nth RSA key.
func pair(n int) *rsa.PrivateKey {
	pairs.Lock()
	defer pairs.Unlock()
	if pairs.made[n] == nil {
		pairs.made[n] = must(rsa.GenerateKey(rand.Reader, 2048))
	}
	return pairs.made[n]
}

// ring are the keys with which a server signs, and which it publishes.
type ring struct {
	made      int
	private   map[string]*rsa.PrivateKey // by key id; those that are published no more too
	published []publicKey
}

// publicKey is a JSON web key, with the list that only the Bot Framework has: of the chat platforms that the key may speak for.
type publicKey struct {
	jose.JSONWebKey
	endorsements []string
}

func (k publicKey) MarshalJSON() ([]byte, error) {
	raw, err := k.JSONWebKey.MarshalJSON()
	if err != nil || k.endorsements == nil {
		return raw, err
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	fields["endorsements"] = k.endorsements
	return json.Marshal(fields)
}

// add makes a key, publishes it and returns its id.
func (r *ring) add(endorsements []string) string {
	id, key := "key-"+strconv.Itoa(r.made), pair(r.made)
	r.made++
	if r.private == nil {
		r.private = map[string]*rsa.PrivateKey{}
	}
	r.private[id] = key
	public := jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: "RS256", Use: "sig"}
	r.published = append(r.published, publicKey{public, endorsements})
	return id
}

// newest is the id of the key that was added last.
func (r *ring) newest() string { return "key-" + strconv.Itoa(r.made-1) }

// signJWT makes a compact JSON web token of the payload; of algorithm "none" too.
func signJWT(algorithm jose.SignatureAlgorithm, key any, keyID string, payload []byte) (string, error) {
	if algorithm == "none" {
		return unsignedJWT(keyID, payload)
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if keyID != "" {
		options = options.WithHeader("kid", keyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func unsignedJWT(keyID string, payload []byte) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "none", "typ": "JWT", "kid": keyID})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
}

// writeJSON answers a request.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
