package rotation

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slack-go/slack"
)

// purpose tells the sealing key from other keys that may be derived from the client secret.
const purpose = "bellwether: slack tokens"

// seal makes pairs unreadable for whoever has the store but not the app's client secret: AES-256-GCM under a key derived
// from that by HKDF-SHA256 (RFC 5869), bound to the key they are kept under.
type seal struct {
	key  string // that the pair is kept under
	aead cipher.AEAD
}

func newSeal(clientSecret, refreshToken string) (*seal, error) {
	derived, err := hkdf.Key(sha256.New, []byte(clientSecret), nil, purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(refreshToken))
	return &seal{key: hex.EncodeToString(sum[:16]), aead: aead}, nil
}

func (s *seal) close(p pair) ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("seal slack's tokens: %w", err)
	}
	return s.aead.Seal(nil, nil, text, []byte(s.key)), nil
}

// errSealed says what the operator does about tokens that cannot be read any more.
var errSealed = errors.New("slack's stored tokens were sealed with another client secret, or damaged: install the app again " +
	"and renew chat.slack.rotation.refresh_token")

func (s *seal) open(sealed []byte) (p pair, err error) {
	text, err := s.aead.Open(nil, nil, sealed, []byte(s.key))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return pair{}, errSealed
	}
	return p, nil
}

// steps are what a person does about an answer of oauth.v2.access.
var steps = map[string]string{
	"invalid_refresh_token": "it was used already, or revoked: install the app again and renew chat.slack.rotation.refresh_token",
	"invalid_client_id":     "copy the client id of \"Basic Information\" to chat.slack.rotation.client_id",
	"bad_client_secret":     "copy the client secret of \"Basic Information\" to chat.slack.rotation.client_secret",
}

func explain(err error) error {
	var said slack.SlackErrorResponse
	if errors.As(err, &said) && steps[said.Err] != "" {
		return fmt.Errorf("%w: %s", err, steps[said.Err])
	}
	return err
}
