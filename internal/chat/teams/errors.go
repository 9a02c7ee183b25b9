package teams

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"bellwether/bot"
	"bellwether/internal/chat/teams/connector"
)

// How long a conversation rests before it is tried again.
const (
	unwell    = 30 * time.Second // Teams cannot be reached, or does not say how long
	collided  = time.Second      // two changed a conversation at once
	uninvited = time.Minute      // the bot is not in the team, the commonest mistake of a first day
	unmended  = 5 * time.Minute  // somebody has to do something else first
)

// meaning is what an answer of Teams means for a message.
type meaning struct {
	rest time.Duration // of the channel, until the same message is tried again; 0: it is refused for good
	step string        // what a person does about it
}

// reasons are the answers by Microsoft's name that stay the same until somebody does something. What is not the message's
// fault lets its channel rest, and goes out once it is mended; what is the message's fault, or final, is refused.
var reasons = map[string]meaning{
	"BotNotInConversationRoster": {uninvited, "the bot is not there: add the app Bellwether to the team (Teams, Apps), or open a chat with it"},
	"ConversationNotFound":       {unmended, "no such channel: mend its id in the catalog; in a private channel the app has to be added by itself"},
	"BotDisabledByAdmin":         {unmended, "the organisation's admin has blocked the app: allow it in the Teams admin centre"},
	"TenantNotFound":             {unmended, "no such tenant: compare chat.teams.tenant with the bot's page \"Configuration\""},
	"InvalidBotApiHost":          {unmended, "the wrong cloud: set chat.teams.endpoints.connector to the one of your organisation's cloud"},

	"ConversationBlockedByUser":      {0, "the person has blocked the bot: nothing to do"},
	"MessageWritesBlocked":           {0, "the person has blocked or removed the bot: nothing to do"},
	"ActivityNotFoundInConversation": {0, "somebody deleted the message: nothing to do"},
	"MessageSizeTooBig":              {0, "the message is too long, a fault of Bellwether's: report it with this line"},
	"BadSyntax":                      {0, "the message is malformed, a fault of Bellwether's: report it with this line"},
}

// statuses are the answers without a name of note.
var statuses = map[int]meaning{
	http.StatusBadRequest: {0, "the message is malformed, a fault of Bellwether's: report it with this line"},
	http.StatusUnauthorized: {unmended, "Teams does not take the bot's token: compare chat.teams.app_id, app_password and tenant with " +
		"the bot's page \"Configuration\" in the Azure portal; its type has to be Single Tenant"},
	http.StatusForbidden: {unmended, "Teams forbids it: add the app Bellwether to the team, and see that the organisation's admin and " +
		"the channel's moderation let it post"},
	http.StatusNotFound:              {unmended, "no such channel: mend its id in the catalog, or add the app Bellwether to its team"},
	http.StatusRequestEntityTooLarge: {0, "the message is too long, a fault of Bellwether's: report it with this line"},
}

// judge classifies what came of a request about a channel. What keeps the channel resting until a person does something is
// told once, not at every try.
func (c *Chat) judge(channel string, err error) error {
	trouble := ""
	if answer, ok := errors.AsType[*connector.Answer](err); ok && known(answer).rest > 0 {
		trouble = cmp.Or(answer.Code, http.StatusText(answer.Status))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case trouble == "":
		delete(c.troubles, channel)
	case c.troubles[channel] != trouble:
		c.Log.Error("a teams channel rests until somebody mends it; nothing is lost", "channel", channel, "reason", explain(err))
		c.troubles[channel] = trouble
	}
	return c.classify(err)
}

// classify says by its type what an error means for the message: *bot.NotSent, *bot.Refused, or neither, when nobody knows.
func (c *Chat) classify(err error) error {
	if busy, ok := errors.AsType[*connector.Busy](err); ok {
		return &bot.NotSent{After: busy.After, Err: err}
	}
	if answer, ok := errors.AsType[*connector.Answer](err); ok {
		return c.classifyAnswer(err, answer)
	}
	if errors.As(err, new(*connector.Unsent)) || neverConnected(err) {
		return &bot.NotSent{After: unwell, Err: err}
	}
	return err
}

// classifyAnswer takes 412 and 429 for "not now", and the other answers of a client's fault for what they mean. A redirect is
// some proxy's. Behind any other answer the message may be shown all the same.
func (c *Chat) classifyAnswer(err error, answer *connector.Answer) error {
	switch {
	case answer.Status == http.StatusTooManyRequests:
		return &bot.NotSent{After: cmp.Or(answer.After, unwell) + c.jitter(collided), Err: err}
	case answer.Status == http.StatusPreconditionFailed:
		return &bot.NotSent{After: cmp.Or(answer.After, collided) + c.jitter(collided), Err: err}
	case answer.Status >= 500 || answer.Status == http.StatusRequestTimeout:
		return err
	case answer.Status < 400:
		return &bot.NotSent{After: unwell, Err: err}
	}
	if rest := known(answer).rest; rest > 0 {
		return &bot.NotSent{After: rest, Err: explain(err)}
	}
	return &bot.Refused{Err: explain(err)}
}

// known is what the answer means, as far as anybody wrote that down.
func known(answer *connector.Answer) meaning {
	if m, ok := reasons[answer.Code]; ok {
		return m
	}
	return statuses[answer.Status]
}

// explain adds to an answer of Teams' what a person does about it.
func explain(err error) error {
	answer, ok := errors.AsType[*connector.Answer](err)
	if !ok {
		return err
	}
	step := cmp.Or(known(answer).step, "look the code up at https://learn.microsoft.com/microsoftteams/platform/bots")
	return fmt.Errorf("%w: %s", err, step)
}

// neverConnected tells whether the request failed before a byte of it was sent.
func neverConnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}
