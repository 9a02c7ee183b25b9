package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"bellwether/internal/deployer"
	"bellwether/pipeline"
)

const (
	logLines   = 20  // of a crashed container, that people are shown
	eventLines = 5   // of warnings beside it
	longest    = 400 // bytes of a reason; the API quotes whole objects at times
)

var _ pipeline.StepError = (*Failure)(nil)

// Failure says why an image does not serve, in words without secrets.
type Failure struct {
	workload    string
	explanation pipeline.Explanation
	err         error
}

// Error is the workload and the reason.
func (f *Failure) Error() string { return f.workload + ": " + f.explanation.Reason }

// Explain is the failure for people.
func (f *Failure) Explain() pipeline.Explanation { return f.explanation }

// Unwrap returns what happened, such as an error of the API.
func (f *Failure) Unwrap() error { return f.err }

// trouble is what keeps an image from serving, before secrets are taken out of it.
type trouble struct {
	kind      string // what it is, in a word of our own
	reason    string
	output    string // what the container and the cluster said last
	next      string
	fault     pipeline.Fault
	patience  time.Duration // how long it may last; some things mend themselves
	pod       string        // the pod it is seen at, if it is one
	container string        // of that pod, whose log says more
	previous  bool          // the log from before its last restart
	err       error
}

func (t *trouble) Error() string { return t.reason }

func (t *trouble) Unwrap() error { return t.err }

// failure makes a Failure of whatever broke a step; ctx's cause stays what it is.
func (d *Deployer) failure(at pipeline.Placement, err error, untouched bool) error {
	t, ok := errors.AsType[*trouble](err)
	if !ok {
		return err
	}
	reason := strings.Join(strings.Fields(d.redact(deployer.Clean(t.reason, logLines))), " ")
	if len(reason) > longest {
		reason = strings.ToValidUTF8(reason[:longest], "") + "…"
	}
	return &Failure{
		workload: at.Service.Name,
		explanation: pipeline.Explanation{
			Reason: reason, Output: d.redact(deployer.Clean(t.output, logLines+eventLines)), Next: t.next,
			Fault: t.fault, Untouched: untouched,
		},
		err: t.err,
	}
}

func (d *Deployer) redact(text string) string {
	if d.Redact == nil {
		return text
	}
	return d.Redact(text)
}

// evidence is what the trouble's container printed last and what the cluster warned of last. It is no trouble of its own
// when there is none.
func (t *target) evidence(ctx context.Context, of *trouble) string {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	var parts []string
	if of.container != "" {
		parts = append(parts, t.log(ctx, of))
	}
	parts = append(parts, t.warnings(ctx, cmp.Or(of.pod, t.workload.Name))...)
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "\n")
}

func (t *target) log(ctx context.Context, of *trouble) string {
	options := &corev1.PodLogOptions{
		Container: of.container, Previous: of.previous, TailLines: new(int64(logLines)), LimitBytes: new(int64(64 << 10)),
	}
	printed, err := t.api.CoreV1().Pods(t.cluster.Namespace).GetLogs(of.pod, options).DoRaw(ctx)
	if err != nil {
		return fmt.Sprintf("(the log of %s cannot be read: %v)", of.pod, err)
	}
	return deployer.Clean(string(printed), logLines)
}

// warnings are the newest of what the cluster warns of about an object, the last one last.
func (t *target) warnings(ctx context.Context, object string) (lines []string) {
	list, err := t.api.CoreV1().Events(t.cluster.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "type=Warning,involvedObject.name=" + object,
	})
	if err != nil {
		return []string{fmt.Sprintf("(events of %s cannot be read: %v)", object, err)}
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return last(a).Compare(last(b)) })
	for _, e := range list.Items[max(0, len(list.Items)-eventLines):] {
		lines = append(lines, e.Reason+": "+strings.TrimSpace(e.Message))
	}
	return lines
}

// last is when an event happened last; who reports it fills one of three fields.
func last(e corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	}
	return e.EventTime.Time
}
