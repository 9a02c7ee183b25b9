package config

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// shortest secret that is searched for: a shorter one would blot out ordinary words.
const shortest = 6

// Redactor returns a function that replaces, in any text, the given secrets (6 bytes or more; also URL-, base64- and
// JSON-encoded) and whatever has the well-known shape of a credential with ***. Applying it twice changes nothing more.
// Redact before cutting a text: half a private key has no shape.
func Redactor(secrets ...Secret) func(string) string {
	given := replacer(secrets)
	return func(text string) string {
		text = given.Replace(text)
		lower := strings.ToLower(text)
		for _, s := range shapes {
			if s.hinted(lower) {
				text = s.pattern.ReplaceAllString(text, s.with)
			}
		}
		return text
	}
}

// Following is a Redactor for the given secrets and for those that further names at the time, which may change.
func Following(given []Secret, further func() []string) func(string) string {
	type known struct {
		further []string
		redact  func(string) string
	}
	var current atomic.Pointer[known]
	return func(text string) string {
		now := further()
		k := current.Load()
		if k == nil || !slices.Equal(k.further, now) {
			secrets := slices.Clone(given)
			for _, s := range now {
				secrets = append(secrets, Secret(s))
			}
			k = &known{now, Redactor(secrets...)}
			current.Store(k)
		}
		return k.redact(text)
	}
}

// Detector returns a function that tells whether a text holds one of the given secrets, in any spelling that a Redactor
// knows. Shapes do not count: the image token-service:abc123 has that of a credential.
func Detector(secrets ...Secret) func(string) bool {
	given := replacer(secrets)
	return func(text string) bool { return given.Replace(text) != text }
}

func replacer(secrets []Secret) *strings.Replacer {
	var pairs []string
	for _, form := range forms(secrets) {
		pairs = append(pairs, form, masked)
	}
	return strings.NewReplacer(pairs...)
}

// forms are all the spellings of the secrets, the longest first so that none leaves a rest of another.
func forms(secrets []Secret) []string {
	var list []string
	for _, s := range secrets {
		plain := s.Reveal()
		if len(plain) < shortest {
			continue
		}
		quoted, _ := json.Marshal(plain) // a string always marshals
		list = append(list, plain, url.QueryEscape(plain), url.PathEscape(plain), strings.Trim(string(quoted), `"`))
		list = append(list, strings.Trim(strconv.Quote(plain), `"`)) // and as JSON of others, who leave <, > and & alone
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			list = append(list, encoding.EncodeToString([]byte(plain)))
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(list)
}

// shape is what one sort of credential looks like. Its pattern is tried only where one of the hints occurs, because most
// texts hold no credential and a regular expression is slow.
type shape struct {
	hints   []string // lower case
	pattern *regexp.Regexp
	with    string
}

func (s shape) hinted(lower string) bool {
	return slices.ContainsFunc(s.hints, func(hint string) bool { return strings.Contains(lower, hint) })
}

var keyWords = []string{"password", "passwd", "pwd", "secret", "token", "api", "credential", "access", "private"}

// keyName is the name of a setting that holds a secret, up to where its value begins.
const keyName = `(?i)([\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|credential|(?:access|private)[_-]?key)[\w.-]*(?:\\?["'])?[ \t]*(?:=>|:=|[:=])[ \t]*)`

var shapes = []shape{
	{[]string{"private key"}, regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)`), masked},
	{[]string{"://"}, regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*:)[^\s/]+@`), "${1}" + masked + "@"},
	{[]string{"authorization"}, regexp.MustCompile(`(?i)(authorization["']?[ \t]*[:=][ \t]*["']?(?:(?:bearer|basic|token|digest)[ \t]+)?)[^\s"']+`), "${1}" + masked},
	{[]string{"bearer"}, regexp.MustCompile(`(?i)\b(bearer[ \t]+)[\w.~+/=-]{16,}`), "${1}" + masked},
	{[]string{"eyj"}, regexp.MustCompile(`(\b|\\[nrt])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*`), "${1}" + masked},
	{[]string{"xox", "xapp-"}, regexp.MustCompile(`(\b|\\[nrt])(?:xox[a-z]|xapp)-[\w.-]{6,}`), "${1}" + masked},
	{[]string{"hooks.slack.com"}, regexp.MustCompile(`(hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]+`), "${1}" + masked},
	{[]string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, regexp.MustCompile(`(\b|\\[nrt])(?:gh[pousr]_[A-Za-z0-9]{10,}|github_pat_\w{10,})`), "${1}" + masked},
	{[]string{"glpat-"}, regexp.MustCompile(`(\b|\\[nrt])glpat-[\w-]{10,}`), "${1}" + masked},
	{[]string{"akia", "asia", "aroa", "aida", "abia", "acca"}, regexp.MustCompile(`(\b|\\[nrt])(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}\b`), "${1}" + masked},
	{keyWords, regexp.MustCompile(keyName + `\\"[^"\\]*\\"`), `${1}\"` + masked + `\"`}, // JSON within JSON
	{keyWords, regexp.MustCompile(keyName + `"(?:[^"\\]|\\.)*"`), `${1}"` + masked + `"`},
	{keyWords, regexp.MustCompile(keyName + `'[^']*'`), "${1}'" + masked + "'"},
	{keyWords, regexp.MustCompile(keyName + `[^\s"',;&\\][^\s"',;&]*`), "${1}" + masked},
}
