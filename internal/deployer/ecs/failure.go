package ecs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"bellwether/internal/deployer"
	"bellwether/pipeline"
)

var _ pipeline.StepError = (*Failure)(nil)

// How much of somebody else's text becomes one line.
const (
	lines   = 20
	longest = 400 // characters
)

// Failure says why an image does not serve, in words without secrets.
type Failure struct {
	Explanation pipeline.Explanation
}

// Error is the reason alone.
func (f *Failure) Error() string { return f.Explanation.Reason }

// Explain is the failure for people.
func (f *Failure) Explain() pipeline.Explanation { return f.Explanation }

// untouched is the failure of what never came to changing the service. Whether it did cannot be known when ECS was asked to
// and the answer was lost.
func (d *Deployer) untouched(ctx context.Context, t *target, err error) error {
	told := d.failure(ctx, t, err)
	operation, _ := errors.AsType[*smithy.OperationError](err)
	answer, answered := errors.AsType[smithy.APIError](err)
	refused := answered && answer.ErrorFault() == smithy.FaultClient
	if f, ok := errors.AsType[*Failure](told); ok {
		f.Explanation.Untouched = operation == nil || operation.Operation() != "UpdateService" || refused
	}
	return told
}

// failure is an error for people; ctx's cause once ctx is over.
func (d *Deployer) failure(ctx context.Context, t *target, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		f = t.refused(err)
	}
	f.Explanation.Reason, f.Explanation.Output = d.redact(f.Explanation.Reason), d.redact(f.Explanation.Output)
	return f
}

func (d *Deployer) redact(text string) string {
	if d.Redact == nil {
		return text
	}
	return d.Redact(text)
}

// Error codes that AWS answers with, whatever the service.
var (
	deniedCodes     = []string{"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}
	credentialCodes = []string{
		"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException",
		"SignatureDoesNotMatch", "IncompleteSignatureException", "MissingAuthenticationTokenException",
	}
)

// refused explains an error of an AWS call.
func (t *target) refused(err error) *Failure {
	operation, answer := "", smithy.APIError(nil)
	if o, ok := errors.AsType[*smithy.OperationError](err); ok {
		operation, err = o.Operation(), o.Err
	}
	if !errors.As(err, &answer) {
		return t.unreachable(err)
	}
	first, _, _ := strings.Cut(answer.ErrorMessage(), "\n") // what follows may quote the request, session token and all
	code, message := answer.ErrorCode(), t.line(first)
	text := strings.TrimSuffix(code+": "+message, ": ")
	switch {
	case slices.Contains(deniedCodes, code):
		return t.denied(operation, message)
	case slices.Contains(credentialCodes, code):
		return t.environment("AWS does not accept Bellwether's credentials: "+text, "renew them; aws sts get-caller-identity says whose they are")
	case operation == "RegisterTaskDefinition" && strings.Contains(message, "Container.image"):
		return &Failure{pipeline.Explanation{Reason: "ECS refuses the image: " + text, Next: "look at how the image is named"}}
	}
	return t.environment(fmt.Sprintf("ECS answers %s with %s", operation, text), "look at "+t.cli("describe-services", "--services "+t.service))
}

// permission is the action that a message of AWS says is missing.
var permission = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)`)

func (t *target) denied(operation, message string) *Failure {
	action := "ecs:" + operation
	if m := permission.FindStringSubmatch(message); m != nil {
		action = m[1] // registering may lack iam:PassRole, or ecs:TagResource
	}
	return t.environment(fmt.Sprintf("Bellwether is not allowed %s: %s", action, message),
		fmt.Sprintf("allow Bellwether's role %s; all that it needs is %s", action, strings.Join(Actions, ", ")))
}

// unreachable explains an error of a call that got no answer, or was never sent.
func (t *target) unreachable(err error) *Failure {
	why := err
	if sent, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		why = sent.Err
	}
	if u, ok := errors.AsType[*url.Error](why); ok {
		why = u.Err // the address is ECS' own, and in the error of the network
	}
	return t.environment("ECS gives no answer: "+t.line(why.Error()),
		"look at Bellwether's AWS credentials and region, and at its way to AWS: "+t.cli("describe-services", "--services "+t.service))
}

// line is somebody else's text for people. Secrets go first: of one that is cut in two nobody could tell that it is one.
func (t *target) line(text string) string { return oneLine(t.redact(text)) }

// oneLine is a text as one line, without what would act on the reader's screen, cut where it is very long.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(deployer.Clean(text, lines)), " ")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}
