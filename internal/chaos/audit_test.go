package chaos

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
)

// small is a world without processes.
func small(t *testing.T) *world { return &world{t: t} }

func (w *world) faults() (names []Fault) {
	for _, wrong := range w.round.Wrong {
		names = append(names, wrong.Fault)
	}
	return names
}

func posted(ts, thread, intent, text string) peers.Posted {
	return peers.Posted{
		Channel: "C0CHECKOUT", TS: ts, Thread: thread, Text: text, Metadata: fmt.Sprintf(`{"event_payload":{"intent":%q}}`, intent),
		Blocks: fmt.Sprintf(`[{"block_id":%q,"text":%q}]`, intent, text),
	}
}

func TestTheAuditMissesNoChange(t *testing.T) {
	first, second := posted("1", "", "R1/root", "Passed · checkout v0001 passed"), posted("2", "", "R2/root", "Passed · checkout v0001 passed")
	named := posted("2", "", "R2/root", "Regressed · checkout v0000 is slower\nResolved by checkout v0001 (R1)")
	for name, c := range map[string]struct {
		posted []peers.Posted
		want   []Fault
	}{
		"one thread":      {[]peers.Posted{first}, nil},
		"none":            {nil, []Fault{Lost}},
		"a reply":         {[]peers.Posted{posted("2", "1", "R1/results", "checkout v0001")}, []Fault{Lost}},
		"two threads":     {[]peers.Posted{first, second}, []Fault{Twice}},
		"named elsewhere": {[]peers.Posted{first, named}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := small(t)
			w.stream = &stream{sent: []change{{service: "checkout", version: "v0001"}}}
			w.auditChanges(c.posted)
			require.Equal(t, c.want, w.faults())
		})
	}
}

func TestTheAuditSeesWhatIsSaidTwice(t *testing.T) {
	root := posted("1", "", "R1/root", "checkout v0001 passed")
	for name, c := range map[string]struct {
		other peers.Posted
		want  []Fault
	}{
		"something else":           {posted("2", "", "R2/root", "checkout v0002 passed"), nil},
		"the same, elsewhere":      {posted("2", "7", "R2/results", root.Text), nil},
		"the same intent":          {posted("2", "", "R1/root", "checkout v0001 is running"), []Fault{Twice}},
		"what looks just the same": {posted("2", "", "R2/root", root.Text), []Fault{Twice}},
	} {
		t.Run(name, func(t *testing.T) {
			w := small(t)
			w.auditTwice([]peers.Posted{root, c.other})
			require.Equal(t, c.want, w.faults())
		})
	}
}

func TestTheAuditReadsEachMessage(t *testing.T) {
	wanted := bot.Outgoing{ID: "R1/root", Message: bot.Message{Title: "checkout v0001 passed"}}
	for name, c := range map[string]struct {
		visible peers.Posted
		want    []Fault
	}{
		"as it should be":    {posted("1", "", "R1/root", "checkout v0001 passed"), nil},
		"not the last word":  {posted("1", "", "R1/root", "checkout v0001 is running"), []Fault{Lost}},
		"in the wrong place": {posted("2", "1", "R1/root", "checkout v0001 passed"), []Fault{Lost}},
		"another message":    {posted("1", "", "R2/root", "checkout v0001 passed"), []Fault{Lost}},
	} {
		t.Run(name, func(t *testing.T) {
			w := small(t)
			w.auditMessage(wanted.ID, wanted, map[string]peers.Posted{intent(c.visible): c.visible})
			require.Equal(t, c.want, w.faults())
		})
	}
}

func TestTheShopSeesTwoAtOnce(t *testing.T) {
	s := openShop(t, t.TempDir())
	defer s.Close()
	for _, path := range []string{"/1/one/checkout", "/2/two/checkout", "/1/one/checkout"} {
		answer, err := http.Get(s.URL + path)
		require.NoError(t, err)
		_ = answer.Body.Close()
	}
	deploys := filepath.Join(s.dir, "deploys")
	require.NoError(t, os.WriteFile(deploys, nil, 0o600))
	found, err := s.disturbed()
	require.Empty(t, found, "every environment has a replica of its own")
	require.NoError(t, err)

	at := func(ms int) time.Time { return time.Unix(1_800_000_000, 0).Add(time.Duration(ms) * time.Millisecond) }
	s.see("one", request{"1 for checkout", at(0)})
	s.see("one", request{"2 for checkout", at(50)})
	s.see("one", request{"1 for checkout", at(250)})
	require.Empty(t, s.overlaps, "one after the other")
	s.see("one", request{"1 for billing", at(300)})
	s.see("one", request{"1 for checkout", at(325)})
	deploy := fmt.Sprintf("one checkout v0001 %d %d\n", at(225).UnixNano(), at(275).UnixNano())
	require.NoError(t, os.WriteFile(deploys, []byte(deploy), 0o600))
	found, err = s.disturbed()
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Contains(t, found[0], "one: replica 1 for billing sends at the same time as replica 1 for checkout")
	require.Contains(t, found[1], "1 requests while checkout v0001 was deployed")
}

func TestTheGate(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	g := openGate(t, echo.Addr().String())
	defer g.close()
	c, err := net.Dial("tcp", g.address)
	require.NoError(t, err)
	defer c.Close()
	heard := func() error {
		_ = c.SetDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	say := func() { _, _ = c.Write([]byte{1}) }

	say()
	require.NoError(t, heard())
	g.set(silent)
	say()
	require.ErrorIs(t, heard(), os.ErrDeadlineExceeded)
	g.set(open)
	require.NoError(t, heard(), "what was held back comes")
	g.set(shut)
	require.ErrorIs(t, heard(), io.EOF)
}

func TestRoundsAreReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rounds.jsonl")
	none, err := Rounds(file)
	require.NoError(t, err)
	require.Empty(t, none)
	rounds := []Round{
		{
			Number: 1, Took: 90 * time.Second, Disturbed: map[Kind]int{Kill: 8, KillBoth: 1}, Takeovers: map[Kind][]float64{Kill: {11, 9, 10}},
			Changes: 20, Events: 25, Runs: 24, Superseded: 7, Messages: 58, Faults: map[string]int{"500": 4, "429": 6},
		},
		{Number: 2, Took: 90 * time.Second, Disturbed: map[Kind]int{Kill: 2}, Changes: 10, Wrong: []Wrong{{Fault: Lost, What: "checkout v0001"}}},
	}
	for _, r := range rounds {
		require.NoError(t, r.Append(file))
	}
	read, err := Rounds(file)
	require.NoError(t, err)
	require.Equal(t, rounds, read)
	require.Equal(t, 12, Kills(read))
	require.Equal(t, `| disturbance | times | lanes taken over | median | longest |
|---|---:|---:|---:|---:|
| kill -9 of a replica | 10 | 3 | 10.0 s | 11.0 s |
| kill -9 of both replicas | 1 | 0 | | |

| what | in 2 rounds, 3 minutes |
|---|---:|
| changes | 30 |
| events, repeats among them | 25 |
| runs | 24 |
| of these superseded | 7 |
| messages on Slack | 58 |
| requests that Slack failed | 10 |
| **lost** | **1** |
| **said twice** | **0** |
| **two at once** | **0** |
| **stuck** | **0** |
| **taken over late** | **0** |
| **wrong version left** | **0** |
| **broken otherwise** | **0** |
`, Table(read))
}
