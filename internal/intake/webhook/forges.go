package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// forge is how one kind of git host sends webhooks.
type forge struct {
	event string // the header that names the event
	// signed checks that one of the secrets made the signature of the body. It is timely when the signature covers also that
	// it was sent just now.
	signed func(header http.Header, body []byte, secrets []string, now time.Time) (timely bool, err error)
	// merges are what the event tells; ignored when it tells of none.
	merges func(event string, body []byte) ([]merge, error)
}

// forges are the hosts by the names they have in paths. The signatures are checked here: webhooks/v6, whose payloads are read,
// knows one secret, checks none of Bitbucket Cloud's, panics on a short one of Bitbucket Server's and reads bodies of any size.
var forges = map[string]forge{
	"github":    {"X-GitHub-Event", hmacIn("X-Hub-Signature-256"), github},
	"gitlab":    {"X-Gitlab-Event", gitlabSigned, gitlabMerges},
	"gitea":     {"X-Gitea-Event", hmacIn("X-Hub-Signature-256", "X-Gitea-Signature"), gitea},
	"bitbucket": {"X-Event-Key", hmacIn("X-Hub-Signature"), bitbucket},
}

// hmacIn wants the HMAC of the body in the first of the headers that there is, in hexadecimal digits: "sha256=" and 64 of them,
// or in a header of Gitea's the digits alone. Other sums, such as SHA-1, are no match.
//
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
// https://docs.gitea.com/usage/webhooks
// https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/#Secure-webhooks
// https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html
func hmacIn(names ...string) func(http.Header, []byte, []string, time.Time) (bool, error) {
	return func(header http.Header, body []byte, secrets []string, _ time.Time) (bool, error) {
		for _, name := range names {
			given := header.Get(name)
			if given == "" {
				continue
			}
			digits, prefixed := strings.CutPrefix(given, "sha256=")
			sum, err := hex.DecodeString(digits)
			if err == nil && prefixed == strings.HasPrefix(name, "X-Hub-") && made(sum, secrets, body) {
				return false, nil
			}
			return false, errors.New("wrong " + name + "; give the webhook the secret of Bellwether's settings")
		}
		return false, errors.New("no " + names[0] + "; give the webhook a secret, the one of Bellwether's settings")
	}
}

// made tells whether one of the secrets made the sum over the parts.
func made(sum []byte, secrets []string, parts ...[]byte) bool {
	found := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		for _, part := range parts {
			mac.Write(part)
		}
		found = found || secret != "" && hmac.Equal(sum, mac.Sum(nil))
	}
	return found
}

// signingPrefix marks GitLab's signing tokens; its secret tokens have none.
const signingPrefix = "whsec_"

// gitlabSigned wants GitLab's signature where there is a signing token for it, else its secret token.
// https://docs.gitlab.com/user/project/integrations/webhooks/
func gitlabSigned(header http.Header, body []byte, secrets []string, now time.Time) (timely bool, err error) {
	var keys, tokens []string
	for _, secret := range secrets {
		if encoded, ok := strings.CutPrefix(secret, signingPrefix); ok {
			key, _ := base64.StdEncoding.DecodeString(encoded) // the settings refuse a broken key
			keys = append(keys, string(key))
		} else {
			tokens = append(tokens, secret)
		}
	}
	if len(keys) > 0 && header.Get("webhook-signature") != "" {
		return true, standardSigned(header, body, keys, now)
	}
	given := sha256.Sum256([]byte(header.Get("X-Gitlab-Token"))) // of one length, so that none is told by the time it takes
	found := false
	for _, token := range tokens {
		want := sha256.Sum256([]byte(token))
		found = found || token != "" && subtle.ConstantTimeCompare(given[:], want[:]) == 1
	}
	if !found {
		return false, errors.New("no valid webhook-signature or X-Gitlab-Token; give the webhook the token of Bellwether's settings")
	}
	return false, nil
}

// standardSigned checks a signature of Standard Webhooks, which covers when it was sent.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func standardSigned(header http.Header, body []byte, keys []string, now time.Time) error {
	id, sent := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if off := now.Sub(time.Unix(seconds, 0)); err != nil || off.Abs() > ahead {
		return errors.New("webhook-timestamp is more than five minutes off; deliver it again, or set the clocks")
	}
	for given := range strings.FieldsSeq(header.Get("webhook-signature")) {
		encoded, ok := strings.CutPrefix(given, "v1,")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if ok && err == nil && made(sum, keys, []byte(id+"."+sent+"."), body) {
			return nil
		}
	}
	return errors.New("wrong webhook-signature; give Bellwether's settings the webhook's signing token")
}
