package strictyaml

import (
	"net/url"
	"regexp"
	"slices"
)

var (
	// confides is a name that says what it stands for is secret.
	confides = regexp.MustCompile(`(?i)password|passwd|pwd|secret|token|credential|auth|(api|access|private)[_-]?key`)
	// ordinary are words and short numbers, and what they make: checkout, eu-west-1, registry.example:5000/shop, /home/ada/.kube.
	ordinary = regexp.MustCompile(`^/?\.?(([A-Z]?[a-z]{1,20}|[A-Z]{1,20})\d{0,2}|\d{1,12})([-._/:, @]\.?([A-Z]?[a-z]{1,20}|[A-Z]{1,20}|v?\d{1,12})\d{0,2})*$`)
)

// Confidential tells whether a value that comes from outside the files is to be kept from people's eyes: because its name
// says so, or because it does not look like anything that people read.
func Confidential(name, value string) bool {
	return value != "" && (confides.MatchString(name) || !plain(value))
}

// note remembers a value that came from outside the files, if it is confidential.
func (r *Reader) note(name, value string) {
	if Confidential(name, value) && !slices.Contains(r.secrets, value) {
		r.secrets = append(r.secrets, value)
	}
}

// Secrets are the values put in for ${NAME} and ${file:PATH} so far that are to be kept from people's eyes.
func (r *Reader) Secrets() []string { return slices.Clone(r.secrets) }

// plain tells an ordinary word, or the address of a page without a password in it, from what may be a secret.
func plain(value string) bool {
	if ordinary.MatchString(value) {
		return true
	}
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		(u.Path == "" || u.Path == "/" || ordinary.MatchString(u.Path[1:]))
}
