package peers

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Forgery says what is wrong with the signature of a token. The zero Forgery is no forgery.
type Forgery struct {
	KeyID     string                  // in the header; empty: the newest key's
	Nameless  bool                    // no key id in the header
	Algorithm jose.SignatureAlgorithm // "none" too; empty: RS256
	Key       any                     // signs; nil: the key of KeyID
}

// AddKey publishes another key, which signs from now on. Its id is returned.
func (m *Microsoft) AddKey(endorsements ...string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys.add(endorsements)
}

// Withdraw publishes a key no more. Forgeries can still be signed with it.
func (m *Microsoft) Withdraw(keyID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys.published = slices.DeleteFunc(m.keys.published, func(k publicKey) bool { return k.KeyID == keyID })
}

// PublicKey is a key as a PEM file: what a confused verifier takes for the secret of HS256.
func (m *Microsoft) PublicKey(keyID string) []byte {
	raw := must(x509.MarshalPKIXPublicKey(m.private(keyID).Public()))
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw})
}

// StrangersKey is of nobody that is known here.
func StrangersKey() *rsa.PrivateKey { return pair(-1) }

// Claims are those of a genuine token for an activity with that service URL, good for an hour.
func (m *Microsoft) Claims(serviceURL string) map[string]any {
	now := m.Now()
	return map[string]any{
		"iss": issuer, "aud": m.AppID, "serviceurl": serviceURL, "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// Mint signs claims as the Bot Framework does. It returns a value for the Authorization header.
func (m *Microsoft) Mint(claims map[string]any) string {
	return m.Forge(claims, Forgery{})
}

// Forge signs claims wrongly. It returns a value for the Authorization header.
func (m *Microsoft) Forge(claims map[string]any, how Forgery) string {
	return m.ForgeRaw(must(json.Marshal(claims)), how)
}

// ForgeKeyID signs claims with the newest key, and says that it was another. It returns a value for the Authorization header.
func (m *Microsoft) ForgeKeyID(claims map[string]any, keyID string) string {
	m.mu.Lock()
	newest := m.keys.newest()
	m.mu.Unlock()
	return m.Forge(claims, Forgery{KeyID: keyID, Key: m.private(newest)})
}

// ForgeRaw signs a payload that may be no claims at all. It returns a value for the Authorization header.
func (m *Microsoft) ForgeRaw(payload []byte, how Forgery) string {
	how = m.filled(how)
	return "Bearer " + must(signJWT(how.Algorithm, how.Key, how.KeyID, payload))
}

func (m *Microsoft) filled(how Forgery) Forgery {
	if how.KeyID == "" {
		m.mu.Lock()
		how.KeyID = m.keys.newest()
		m.mu.Unlock()
	}
	if how.Algorithm == "" {
		how.Algorithm = jose.RS256
	}
	if how.Key == nil {
		how.Key = m.private(how.KeyID)
	}
	if how.Nameless {
		how.KeyID = ""
	}
	return how
}

func (m *Microsoft) private(keyID string) *rsa.PrivateKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.keys.private[keyID]
	if key == nil {
		panic("there never was a key " + keyID)
	}
	return key
}

// must is for mistakes of a test; fuzz targets mint too, and those may not use the testing.TB that the server was made with.
func must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}
