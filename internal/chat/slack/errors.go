package slack

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/slack-go/slack"

	"bellwether/bot"
)

// unwell is how long a message waits for a Slack that cannot be reached, or does not say how long.
const unwell = 30 * time.Second

// steps say what an operator does about an answer of Slack's that stays the same until somebody does something.
var steps = map[string]string{
	"channel_not_found":   "the channel does not exist or is private: check its id in the catalog, and invite the bot with /invite @bellwether",
	"not_in_channel":      "the bot is not in the channel: invite it with /invite @bellwether",
	"is_archived":         "the channel is archived: unarchive it, or name another one in the catalog",
	"invalid_auth":        "the token is wrong: copy the bot token (xoxb-…) from the app's page \"OAuth & Permissions\" to chat.slack.bot_token",
	"not_authed":          "the token is missing: set chat.slack.bot_token",
	"account_inactive":    "the app was removed from the workspace: install it again and renew chat.slack.bot_token",
	"token_revoked":       "the token was revoked: install the app again and renew chat.slack.bot_token",
	"token_expired":       "the token has expired: install the app again and renew chat.slack.bot_token",
	"missing_scope":       "the app lacks a scope: compare it with deploy/slack/manifest.yaml and install it again",
	"no_permission":       "the workspace does not let the bot do this: ask its owners, and compare the scopes with deploy/slack/manifest.yaml",
	"restricted_action":   "the channel lets only some people post: let the bot post there in the channel's settings",
	"ekm_access_denied":   "the workspace's owners have suspended access: ask them",
	"org_login_required":  "the workspace is being moved: renew the installation when that is over",
	"msg_too_long":        "the message is too long, a fault of Bellwether's: report it with this line",
	"msg_blocks_too_long": "the message is too long, a fault of Bellwether's: report it with this line",
	"invalid_blocks":      "the message is malformed, a fault of Bellwether's: report it with this line",
	"message_not_found":   "somebody deleted the message: nothing to do",
	"cant_update_message": "the message is not the bot's own: was the app installed anew?",
	"edit_window_closed":  "the workspace allows no late edits: nothing to do",
	"thread_not_found":    "somebody deleted the thread: nothing to do",
}

// unclear are answers after which a message may be posted all the same.
var unclear = map[string]bool{"internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true}

// later are answers that mean "not now".
var later = map[string]bool{"ratelimited": true, "rate_limited": true, "message_limit_exceeded": true, "team_added_to_org": true}

// classify says by its type what an error means for the message: *bot.NotSent, *bot.Refused, or neither, when nobody knows.
func classify(err error) error {
	var limited *slack.RateLimitedError
	var answer slack.SlackErrorResponse
	var status slack.StatusCodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limited):
		return &bot.NotSent{After: limited.RetryAfter, Err: err}
	case errors.As(err, &answer):
		return classifyAnswer(err, answer)
	case errors.As(err, &status) && turnedAway(status.Code), neverConnected(err):
		return &bot.NotSent{After: unwell, Err: err}
	}
	return err
}

func classifyAnswer(err error, answer slack.SlackErrorResponse) error {
	step, known := steps[answer.Err]
	switch {
	case unclear[answer.Err]:
		return err
	case later[answer.Err]:
		return &bot.NotSent{After: unwell, Err: err}
	case answer.Needed != "":
		step += " (needed: " + answer.Needed + ")"
	case !known:
		step = "look the code up at https://docs.slack.dev/reference/methods"
	}
	return &bot.Refused{Err: fmt.Errorf("%w: %s", err, step)}
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
