package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/infracloudio/msbotbuilder-go/connector/auth"
	"github.com/infracloudio/msbotbuilder-go/schema"
)

const (
	platform  = "msteams"       // the channel id of all that comes from Teams
	leeway    = 5 * time.Minute // that clocks may differ by, as Microsoft's own libraries have it
	maxHeader = 16 << 10        // bytes; genuine ones have about 1,500
)

// ErrUnavailable is in the error when nobody could tell whether to believe a request, for the Bot Framework's keys could not
// be fetched. Every other error of a Validator is a refusal.
var ErrUnavailable = errors.New("the Bot Framework's keys cannot be fetched")

// Validator believes a request only when the Bot Framework signed its token for this bot, for Teams and for the service that
// the activity names, and when the activity is of the bot's own tenant. Tokens of the emulator are refused as all others are.
type Validator struct {
	appID, tenant string
	signers       *signers
	now           func() time.Time
}

var _ auth.TokenValidator = (*Validator)(nil)

// NewValidator refuses to make one without an app id and a tenant: it would believe everybody.
func NewValidator(s Settings) (*Validator, error) {
	switch {
	case s.AppID == "":
		return nil, errors.New("chat.teams.app_id is missing: anybody could speak to the bot; write the id that Entra shows for the app")
	case s.Tenant == "":
		return nil, errors.New("chat.teams.tenant is missing: anybody's organisation could speak to the bot; write the id of the Entra tenant")
	}
	s = s.filled()
	return &Validator{appID: s.AppID, tenant: s.Tenant, signers: newSigners(s), now: s.Now}, nil
}

// AuthenticateRequest tells who vouches for an activity; the error says why nobody does, and never has the token in it.
// The credentials and the service are not asked: with theirs, the library lets everybody in when the app id is empty.
func (v *Validator) AuthenticateRequest(ctx context.Context, a schema.Activity, header string, _ auth.CredentialProvider, _ string) (auth.ClaimsIdentity, error) {
	claims, err := v.verify(ctx, a.ChannelID, header)
	if err == nil {
		err = sameService(claims, a.ServiceURL)
	}
	if err == nil {
		err = v.ownTenant(a)
	}
	if err != nil {
		return nil, fmt.Errorf("believe what Teams sent: %w", err)
	}
	return claims, nil
}

// verify returns the claims of a token that the Bot Framework signed, for this bot, with a key for that chat platform.
func (v *Validator) verify(ctx context.Context, channel, header string) (identity, error) {
	raw, keyID, err := bearer(header)
	if err != nil {
		return nil, err
	}
	key, err := v.signers.find(ctx, keyID)
	if err != nil {
		return nil, err
	}
	// A bot may be reachable by Web Chat as well, whose users can write any tenant into what they send.
	if channel != platform || !slices.Contains(key.endorsements, channel) {
		return nil, fmt.Errorf("it is of channel %.40q, and the key may speak for %q; want %s", channel, key.endorsements, platform)
	}
	keys := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.public}}
	token, err := oidc.NewVerifier(key.issuer, keys, &oidc.Config{
		ClientID: v.appID, SupportedSigningAlgs: []string{oidc.RS256},
		SkipExpiryCheck: true, // timely has some leeway
	}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := v.timely(token); err != nil {
		return nil, err
	}
	var claims identity
	err = token.Claims(&claims)
	return claims, err
}

// bearer finds the token in an Authorization header, and the id of the key that it says it was signed with.
func bearer(header string) (raw, keyID string, err error) {
	scheme, raw, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || len(header) > maxHeader {
		return "", "", errors.New("the Authorization header has no bearer token")
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", "", fmt.Errorf("the bearer token is none that is signed with RS256: %w", err)
	}
	return raw, signed.Signatures[0].Protected.KeyID, nil
}

// timely is nil while a token is in force. One without an end never is.
func (v *Validator) timely(token *oidc.IDToken) error {
	var times jwt.Claims
	if err := token.Claims(&times); err != nil {
		return err
	}
	if times.Expiry == nil {
		return errors.New("the token never expires")
	}
	return times.ValidateWithLeeway(jwt.Expected{Time: v.now()}, leeway)
}

// sameService keeps a token from being replayed with another service URL, to which the bot would send tokens of its own.
func sameService(claims identity, activity string) error {
	want, err := service(activity)
	if err != nil {
		return fmt.Errorf("the activity's serviceUrl: %w", err)
	}
	vouched := false
	for _, name := range []string{"serviceurl", "serviceUrl"} { // Microsoft sends the first and documents the second
		claim, given := claims[name]
		if !given {
			continue
		}
		text, _ := claim.(string)
		if got, err := service(text); err != nil || got != want {
			return fmt.Errorf("the token's claim %s is not the activity's", name)
		}
		vouched = true
	}
	if !vouched {
		return errors.New("the token has no claim serviceurl")
	}
	return nil
}

// service is a service URL in the form that can be compared.
func service(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("it is no plain URL")
	}
	return strings.ToLower(u.Scheme+"://"+u.Host) + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// ErrForeign is why a request was refused that Teams did sign: for another tenant.
var ErrForeign = errors.New("the activity is of a tenant that is not chat.teams.tenant")

// ownTenant is nil when every tenant that the activity names is the bot's, and it names one: no token says it.
func (v *Validator) ownTenant(a schema.Activity) error {
	var named []any
	if a.Conversation.TenantID != "" {
		named = append(named, a.Conversation.TenantID)
	}
	if tenant, given := a.ChannelData["tenant"]; given {
		fields, _ := tenant.(map[string]any)
		named = append(named, fields["id"])
	}
	for _, n := range named {
		if id, _ := n.(string); !strings.EqualFold(id, v.tenant) {
			return ErrForeign
		}
	}
	if named == nil {
		return errors.New("the activity names no tenant")
	}
	return nil
}

// identity is what a verified token claims.
type identity map[string]any

// GetClaimValue is empty when there is no such claim, or when it is no text.
func (i identity) GetClaimValue(name string) string {
	text, _ := i[name].(string)
	return text
}

// IsAuthenticated is true: there is no identity without a signature.
func (identity) IsAuthenticated() bool { return true }
