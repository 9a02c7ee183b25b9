package config

import (
	"fmt"
	"log/slog"
	"net/url"
)

// masked is what is shown instead of a secret.
const masked = "***"

// Secret is a password, token or key. However it is printed, marshalled or logged, it shows as ***. (The one exception is a
// key of a map in JSON, which encoding/json takes from the string itself.)
type Secret string

// Reveal is the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string { return masked }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return masked }

// Format hides the secret from every verb; %x and %d would otherwise show its bytes.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, masked) }

// MarshalText hides the secret from encodings of text and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// MarshalJSON hides the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// MarshalYAML hides the secret.
func (s Secret) MarshalYAML() (any, error) { return masked, nil }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// RedisURL may hold a password. However it is printed, marshalled or logged, the password shows as ***.
type RedisURL string

// Reveal is the URL with its password, for the client.
func (r RedisURL) Reveal() string { return string(r) }

// Password of the URL; empty when it has none.
func (r RedisURL) Password() Secret {
	u, err := url.Parse(string(r))
	if err != nil {
		return Secret(r) // nothing in it is known to be harmless
	}
	password, _ := u.User.Password()
	return Secret(password)
}

// String is the URL with its password hidden.
func (r RedisURL) String() string {
	u, err := url.Parse(string(r))
	if err != nil {
		return masked
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User == nil {
		return shown.String()
	}
	user := url.User(u.User.Username()).String()
	if _, has := u.User.Password(); has {
		user += ":" + masked
	}
	return u.Scheme + "://" + user + "@" + u.Host + u.Path
}

// GoString hides the password from %#v.
func (r RedisURL) GoString() string { return r.String() }

// Format hides the password from every verb.
func (r RedisURL) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// MarshalText hides the password from encodings, JSON and YAML among them.
func (r RedisURL) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue hides the password.
func (r RedisURL) LogValue() slog.Value { return slog.StringValue(r.String()) }

// With a verb that does not fit (%s), fmt shows what a nested pointer points to without asking its fields how they want to
// be shown. So the structs that hold secrets, which Config points to, hide as a whole.

// Format hides the token.
func (h HTTPIntake) Format(f fmt.State, _ rune) { fmt.Fprint(f, masked) }

// Format hides the tokens.
func (s Slack) Format(f fmt.State, _ rune) { fmt.Fprint(f, masked) }

// Format hides the password.
func (t Teams) Format(f fmt.State, _ rune) { fmt.Fprint(f, masked) }

// Format hides the token.
func (g GitHost) Format(f fmt.State, _ rune) { fmt.Fprint(f, masked) }

// Format hides the tokens.
func (r Rotation) Format(f fmt.State, _ rune) { fmt.Fprint(f, masked) }

// Format hides the secret.
func (p OIDC) Format(f fmt.State, _ rune) { fmt.Fprint(f, masked) }
