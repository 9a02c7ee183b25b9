package terraform

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"

	"bellwether/pipeline"
)

var _ pipeline.StepError = (*Failure)(nil)

// Failure says why a stack was not planned or applied, in words without secrets.
type Failure struct{ explanation pipeline.Explanation }

func (f *Failure) Error() string { return f.explanation.Reason }

// Explain is the failure for people.
func (f *Failure) Explain() pipeline.Explanation { return f.explanation }

// broken is a stack that is wrong before anything was done.
func broken(reason, next string) *Failure {
	return &Failure{pipeline.Explanation{Reason: reason, Next: next, Untouched: true}}
}

// machine is trouble of the machine that Bellwether runs on, before anything was done.
func machine(err error) *Failure {
	return &Failure{pipeline.Explanation{
		Reason: err.Error(), Next: "look at the machine that Bellwether runs on",
		Fault: pipeline.FaultEnvironment, Untouched: true,
	}}
}

// find is the absolute path of the program.
func find(binary string) (string, error) {
	if strings.ContainsRune(binary, filepath.Separator) && !filepath.IsAbs(binary) {
		return "", broken(fmt.Sprintf("apply.terraform.binary: %s is a relative path", binary), "name a program, or an absolute path")
	}
	path, err := exec.LookPath(binary)
	if err != nil {
		failure := machine(fmt.Errorf("cannot start %s: %w", binary, errors.Unwrap(err)))
		failure.explanation.Next = "install it on the machine that Bellwether runs on, or name another one: apply.terraform.binary of the stack"
		return "", failure
	}
	return path, nil
}

// explain makes of an error of terraform, and of what it said before, what people read. The error's own text is
// terraform's standard error, which is shown only when there is nothing better.
func (p *planned) explain(what string, err error, seen *journal) *Failure {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	text := p.censor(err.Error())
	e := pipeline.Explanation{Reason: firstLine(text), Untouched: len(seen.started) == 0}
	_, exited := errors.AsType[*exec.ExitError](err)
	_, late := errors.AsType[late](err)
	switch {
	case late:
		e.Next = "see what takes so long, or raise apply.terraform.timeout of the stack"
	case len(seen.errors) > 0:
		p.told(&e, seen.errors)
	case exited && p.blind:
		e.Reason, e.Next = fmt.Sprintf("terraform %s: %s", what, e.Reason), withheld
	case exited:
		e.Reason, e.Output = fmt.Sprintf("terraform %s: %s", what, e.Reason), lastLines(text)
	case cannotWork(err):
		e.Fault, e.Next = pipeline.FaultEnvironment, "look at the terraform that is installed on the machine that Bellwether runs on"
	}
	if !e.Untouched {
		e.Reason += "; changed: " + listed(seen.done) + "; broke off: " + listed(seen.unfinished())
		e.Next = cmp.Or(e.Next, "what was changed stays: mend what broke, and bring it in as another change")
	}
	return &Failure{e}
}

// cannotWork tells whether the program could not be started, or is too old.
func cannotWork(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, version := errors.AsType[*tfexec.ErrVersionMismatch](err)
	return path || version
}

// withheld is what people can do who are not told everything.
const withheld = "plan it yourself to see all that terraform says: Bellwether cannot tell here which values are secret"

// told explains terraform's own errors. The first one is the reason.
func (p *planned) told(e *pipeline.Explanation, diagnostics []tfjson.Diagnostic) {
	var all, shown strings.Builder
	for i := range diagnostics {
		d := &diagnostics[i]
		all.WriteString(d.Summary + "\n" + d.Detail + "\n")
		d.Summary, d.Detail = p.censor(d.Summary), p.censor(d.Detail)
		if p.blind && !locks(*d) {
			d.Summary, d.Detail, e.Next = title(*d), "", withheld
		}
		shown.WriteString(strings.TrimSpace(heading(*d)+"\n"+d.Detail) + "\n")
	}
	first := diagnostics[0]
	e.Reason, e.Output = heading(first), firstLines(shown.String())
	switch text := all.String(); {
	case locks(first):
		p.locked(e, first.Detail)
	case strings.Contains(first.Summary, "Saved plan is stale"):
		e.Reason = "the state was changed by somebody else after the plan was made, so the plan was not applied"
		e.Fault, e.Next = pipeline.FaultEnvironment, "run it again: it is planned anew then"
	case unreachable.MatchString(text):
		e.Fault, e.Next = pipeline.FaultEnvironment, "look at the network, and at the credentials that Bellwether passes on to terraform"
	}
}

// locks tells whether an error is one of the state's lock, which terraform takes before there are values.
func locks(d tfjson.Diagnostic) bool {
	return d.Address == "" && strings.Contains(d.Summary, "acquiring the state lock")
}

// words are a summary that is a title and no more: "Invalid password".
var words = regexp.MustCompile(`^[A-Z][A-Za-z ]{0,60}$`)

// title is of a summary what cannot hold a value. Providers, whose errors have an address, may put all they know there.
func title(d tfjson.Diagnostic) string {
	if d.Address != "" && !words.MatchString(d.Summary) {
		return "its provider refuses it"
	}
	return d.Summary
}

// unreachable recognises what is no change's fault, by the words of Go's network errors, of HTTP, of the large clouds and
// of git.
var unreachable = regexp.MustCompile(`(?i)dial tcp|no such host|connection refused|connection reset|connection timed out|i/o timeout|` +
	`TLS handshake|x509:|context deadline exceeded|giving up after|could not connect to|couldn't connect to|could not resolve host|failed to connect to|` +
	`no valid credential|could not find default credentials|expiredtoken|invalidclienttokenid|signaturedoesnotmatch|token (is|has) expired|` +
	`status ?code: (401|403|429|5\d\d)|authentication failed|could not read (username|password)|permission denied \(publickey`)

// lockField is a line of the lock's description.
var lockField = regexp.MustCompile(`(?m)^\s+(ID|Who|Created|Operation):[ \t]+(\S.*)$`)

// locked says who holds the state's lock. It is never broken: whoever holds it may be at work.
func (p *planned) locked(e *pipeline.Explanation, detail string) {
	e.Fault, e.Output = pipeline.FaultEnvironment, ""
	field := map[string]string{}
	for _, match := range lockField.FindAllStringSubmatch(detail, -1) {
		field[match[1]] = strings.TrimSpace(match[2])
	}
	if field["ID"] == "" { // nobody holds it: it is the lock that is out of reach
		e.Reason, e.Output = "the state cannot be locked", lastLines(detail)
		e.Next = "look at the stack's backend, and at the credentials that Bellwether passes on to terraform"
		return
	}
	e.Reason = fmt.Sprintf("the state is locked by %s since %s, %s (lock %s)", field["Who"], since(field["Created"]), operation(field["Operation"]), field["ID"])
	e.Next = fmt.Sprintf("wait until that is done; if nobody is at it any more, in %s of the repository: %s force-unlock %s",
		cmp.Or(p.settings.Dir, "."), filepath.Base(cmp.Or(p.settings.Binary, "terraform")), field["ID"])
}

// since is when a lock was taken: "23 Nov 09:00 UTC".
func since(created string) string {
	at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", created)
	if err != nil {
		return created
	}
	return at.UTC().Format("2 Jan 15:04 UTC")
}

// operation is what a lock was taken for: "an apply".
func operation(name string) string {
	kind, ok := strings.CutPrefix(name, "OperationType")
	switch {
	case !ok:
		return name
	case kind == "Apply":
		return "an apply"
	}
	return "a " + strings.ToLower(kind)
}

// heading is an error in a line: "main.tf:6: aws_db_instance.orders: creating it failed".
func heading(d tfjson.Diagnostic) string {
	var parts []string
	if d.Range != nil {
		parts = append(parts, fmt.Sprintf("%s:%d", d.Range.Filename, d.Range.Start.Line))
	}
	if d.Address != "" {
		parts = append(parts, d.Address)
	}
	return strings.Join(append(parts, firstLine(d.Summary)), ": ")
}

// censor takes out of a text what the plan calls sensitive, what Bellwether knows as secrets, and what would act on the
// reader's screen.
func (p *planned) censor(text string) string {
	text = p.sensitive.replacer().Replace(text)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, p.applier.redact(text)))
}
