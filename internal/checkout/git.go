package checkout

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// git starts git for a mirror.
type git struct {
	env    []string
	dir    string   // empty: Bellwether's own
	lock   *os.File // the mirror's; git inherits it
	grace  time.Duration
	redact func(string) string
}

// gitError is what git said when it failed, redacted.
type gitError struct {
	stderr string
	err    error
}

func (e *gitError) Error() string { return "git: " + e.said() }
func (e *gitError) Unwrap() error { return e.err }

// said is git's own reason, in a line.
func (e *gitError) said() string {
	var last string
	for line := range strings.Lines(e.stderr) {
		line = strings.TrimSpace(line)
		if reason, ok := strings.CutPrefix(line, "fatal: "); ok {
			return reason
		}
		last = cmp.Or(line, last)
	}
	return cmp.Or(last, e.err.Error())
}

// here are git's words for what is wrong with a mirror, or the disk it is on, whatever else it says.
var here = regexp.MustCompile(`(?im)^(?:error|fatal): .*(?:\.lock': File exists|cannot lock ref|bad object|corrupt|no space left)`)

// elsewhere are git's and curl's words for what making the mirror anew does not help.
var elsewhere = regexp.MustCompile(`(?i)unable to access|could not resolve|could not read (username|password|from remote)|authentication failed|` +
	`not appear to be a git repository|repository .* not found|does not exist|timed out|connection|transport|remote:|remote error|` +
	`remote end|unexpected disconnect|protocol error|rpc failed|early eof`)

// remote tells whether the forge is to blame, or the way there. Names are names that must not be taken for words.
func (e *gitError) remote(names ...string) bool {
	text := e.stderr
	for _, name := range names {
		text = strings.ReplaceAll(text, name, "")
	}
	return !here.MatchString(text) && elsewhere.MatchString(text)
}

// absent tells whether there is no git.
func (e *gitError) absent() bool {
	_, absent := errors.AsType[*exec.Error](e.err)
	return absent
}

// run starts git and waits for it; its error is a *gitError. When ctx ends, git and what it started are asked to end and
// killed after the grace.
func (g git) run(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	child := exec.CommandContext(ctx, "git", args...)
	child.Dir, child.Env = g.dir, g.env
	child.Stdout, child.Stderr = &stdout, &stderr
	child.ExtraFiles = []*os.File{g.lock}
	child.SysProcAttr = attributes()
	child.WaitDelay = g.grace
	child.Cancel = func() error { return syscall.Kill(-child.Process.Pid, syscall.SIGTERM) }
	// Linux kills the child when the thread that started it ends, so this thread has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := child.Run()
	if ctx.Err() != nil && child.Process != nil {
		_ = syscall.Kill(-child.Process.Pid, syscall.SIGKILL) // fails when the group is gone, as it should be
	}
	if err != nil {
		return "", &gitError{stderr: printable(g.redact(stderr.String())), err: err}
	}
	return stdout.String(), nil
}

// printable leaves out what would act on the reader's screen: a forge's words are among git's.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, text)
}

// Names of the variables by which credential, below, learns what to say.
const (
	usernameVariable = "BELLWETHER_GIT_USERNAME"
	tokenVariable    = "BELLWETHER_GIT_TOKEN"
)

// credential is a program in git's configuration that answers git's question for credentials, if there are any.
const credential = `!f() { test "$1" = get && test -n "$` + tokenVariable + `" && printf 'username=%s\npassword=%s\n' "$` + usernameVariable + `" "$` + tokenVariable + `"; }; f`

// environment is all that git learns of the world.
func environment(url string) []string {
	env := []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_LFS_SKIP_SMUDGE=1", "LC_ALL=C", "HOME=/nonexistent", "GIT_NO_REPLACE_OBJECTS=1",
	}
	for _, name := range []string{"PATH", "TMPDIR", "GIT_SSL_CAINFO", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	scheme, _, _ := strings.Cut(url, "://")
	settings := [][2]string{
		{"protocol.allow", "never"},
		{"protocol." + scheme + ".allow", "always"},
		{"core.hooksPath", "/dev/null"},
		{"core.fsmonitor", "false"},
		{"core.attributesFile", "/dev/null"},
		{"core.protectHFS", "true"},
		{"core.protectNTFS", "true"},
		{"gc.autoDetach", "false"}, // nothing runs on once the lock is released
		{"credential.helper", ""},
		{"credential." + url + ".helper", credential},
	}
	for i, setting := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, setting[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, setting[1]))
	}
	return append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(settings)))
}

// credentials are what credential learns besides, where git talks to the host. Git asks for those of the host's own URL
// only, so they do not follow a redirection.
func credentials(host Host) []string {
	if host.Token == "" {
		return nil
	}
	return []string{usernameVariable + "=" + cmp.Or(host.Username, "git"), tokenVariable + "=" + host.Token}
}
