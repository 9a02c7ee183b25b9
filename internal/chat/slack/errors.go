package slack

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/bot"
)

// How long a channel rests before it is tried again.
const (
	unwell    = 30 * time.Second // Slack cannot be reached, or does not say how long
	renewed   = time.Second      // the token is another one then
	uninvited = time.Minute      // the bot is not in the channel, the commonest mistake of a first day
	unmended  = 5 * time.Minute  // somebody has to do something else first
)

// meaning is what one of Slack's error codes means for a message.
type meaning struct {
	rest time.Duration // of the channel, until the same message is tried again; 0: it is refused for good
	step string        // what a person does about it
}

// meanings of the answers that stay the same until somebody does something. What is not the message's fault lets its channel
// rest, and goes out once it is mended. What is the message's fault is refused, and so is what is final: an archived channel,
// which nobody reads, and a revoked token, which never works again. What is refused is parked, for the operator to send again.
var meanings = map[string]meaning{
	"not_in_channel":    {uninvited, "the bot is not in the channel: invite it with /invite @bellwether"},
	"channel_not_found": {uninvited, "no such channel, or a private one: /invite @bellwether, or mend the id in the catalog"},

	"not_authed":    {unmended, "the token is missing: set chat.slack.bot_token"},
	"invalid_auth":  {unmended, "the token is wrong: copy the one of \"OAuth & Permissions\" (xoxb-…) to chat.slack.bot_token"},
	"token_expired": {unmended, "the token has expired: the app has token rotation, so set chat.slack.rotation in the place of chat.slack.bot_token"},
	"missing_scope": {unmended, "the app lacks a scope: compare it with deploy/slack/manifest.yaml and install it again"},

	"restricted_action_read_only_channel": {unmended, "only some people may post there: let the bot, in the channel's settings"},
	"restricted_action":                   {unmended, "only some people may post there: let the bot, in the channel's settings"},
	"no_permission":                       {unmended, "the workspace does not let the bot do this: ask its owners"},
	"ekm_access_denied":                   {unmended, "the workspace's owners have suspended access: ask them"},
	"org_login_required":                  {unmended, "the workspace is being moved: renew the installation when that is over"},

	"is_archived":         {0, "the channel is archived: unarchive it, or name another one in the catalog; then bellwether outbox send --all"},
	"token_revoked":       {0, "the token was revoked: install the app again, renew chat.slack.bot_token; then bellwether outbox send --all"},
	"account_inactive":    {0, "the app was removed: install it again, renew chat.slack.bot_token; then bellwether outbox send --all"},
	"msg_too_long":        {0, "the message is too long, a fault of Bellwether's: report it with this line"},
	"msg_blocks_too_long": {0, "the message is too long, a fault of Bellwether's: report it with this line"},
	"invalid_blocks":      {0, "the message is malformed, a fault of Bellwether's: report it with this line"},
	"message_not_found":   {0, "somebody deleted the message: nothing to do"},
	"cant_update_message": {0, "the message is not the bot's own: was the app installed anew?"},
	"edit_window_closed":  {0, "the workspace allows no late edits: nothing to do"},
	"thread_not_found":    {0, "somebody deleted the thread: nothing to do"},
}

// unclear are answers after which a message may be posted all the same.
var unclear = map[string]bool{"internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true}

// later are answers that mean "not now".
var later = map[string]bool{"ratelimited": true, "rate_limited": true, "message_limit_exceeded": true, "team_added_to_org": true, "external_channel_migrating": true}

// code is Slack's word for what is wrong; empty when it is not Slack who says so.
func code(err error) string {
	var said slack.SlackErrorResponse
	if errors.As(err, &said) {
		return said.Err
	}
	return ""
}

// judge classifies what came of a request about a channel. What keeps the channel resting until a person does something is
// told once, not at every try.
func (c *Chat) judge(a *client, channel string, err error) error {
	if a.expired(err) {
		return &bot.NotSent{After: renewed, Err: err}
	}
	trouble := ""
	if meanings[code(err)].rest > 0 {
		trouble = code(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if trouble != "" && c.troubles[channel] != trouble {
		c.log.Error("a slack channel rests until somebody mends it; nothing is lost", "channel", channel, "reason", explain(err))
	}
	c.troubles[channel] = trouble
	return classify(err)
}

// classify says by its type what an error means for the message: *bot.NotSent, *bot.Refused, or neither, when nobody knows.
func classify(err error) error {
	var limited *slack.RateLimitedError
	var said slack.SlackErrorResponse
	var status slack.StatusCodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limited):
		return &bot.NotSent{After: limited.RetryAfter, Err: err}
	case errors.As(err, &said):
		return classifyAnswer(err, said.Err)
	case errors.As(err, &status) && turnedAway(status.Code), neverConnected(err):
		return &bot.NotSent{After: unwell, Err: err}
	}
	return err
}

func classifyAnswer(err error, code string) error {
	switch rest := meanings[code].rest; {
	case unclear[code]:
		return err
	case later[code]:
		return &bot.NotSent{After: unwell, Err: err}
	case rest > 0:
		return &bot.NotSent{After: rest, Err: explain(err)}
	}
	return &bot.Refused{Err: explain(err)}
}

// explain adds to an answer of Slack's what a person does about it.
func explain(err error) error {
	var said slack.SlackErrorResponse
	if !errors.As(err, &said) || unclear[said.Err] || later[said.Err] {
		return err
	}
	step := cmp.Or(meanings[said.Err].step, "look the code up at https://docs.slack.dev/reference/methods")
	if said.Needed != "" {
		step += " (needed: " + said.Needed + ")"
	}
	if details := said.ResponseMetadata.Messages; len(details) > 0 {
		step += " (" + strings.Join(details, "; ") + ")"
	}
	return fmt.Errorf("%w: %s", err, step)
}

// turnedAway tells whether a status other than 200 means that the request went nowhere.
func turnedAway(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout
}

// neverConnected tells whether the request failed before a byte of it was sent.
func neverConnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

// withoutURL is the error of a request whose address is a secret, as upload and response URLs are: it must not reach the log.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
