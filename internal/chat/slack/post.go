package slack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/internal/chat/slack/blockkit"
)

const (
	eventType = "bellwether_message" // of the metadata that carries a message's intent
	intentKey = "intent"

	altLimit   = 1_000 // of a picture's alternative text
	titleLimit = 200   // of its title

	pageSize = 200
	pages    = 20        // Find gives up behind so many
	clocks   = time.Hour // how far Slack's clock may be behind ours: no channel takes more in that time than Find looks through
)

// Post sends the message once: nothing here repeats it, since a repetition after a broken connection could show it twice.
func (c *Chat) Post(ctx context.Context, o bot.Outgoing) (string, error) {
	api, err := c.ready(ctx, o)
	if err != nil {
		return "", err
	}
	if o.Message.Picture != nil {
		return c.upload(ctx, api, o)
	}
	options, err := c.content(api.workspace, o)
	if err != nil {
		return "", err
	}
	_, ts, err := api.PostMessageContext(ctx, o.Channel.ID, append(options, inThread(o.Thread))...)
	if err := c.judge(api, o.Channel.ID, err); err != nil {
		return "", fmt.Errorf("post to slack channel %s: %w", o.Channel.ID, err)
	}
	if ts == "" {
		return "", fmt.Errorf("post to slack channel %s: slack did not say where the message is", o.Channel.ID)
	}
	return ts, nil
}

// ready has the Web API of the message's workspace once its channel takes another message.
func (c *Chat) ready(ctx context.Context, o bot.Outgoing) (*client, error) {
	if err := c.pace(ctx, o.Channel.ID); err != nil {
		return nil, err
	}
	return c.reach(ctx, o)
}

// inThread places a message; in the channel itself when there is no thread.
func inThread(ts string) slack.MsgOption {
	if ts == "" {
		return slack.MsgOptionCompose()
	}
	return slack.MsgOptionTS(ts)
}

// Edit gives a message new content. A picture keeps what it has.
func (c *Chat) Edit(ctx context.Context, o bot.Outgoing, ref string) error {
	if o.Message.Picture != nil {
		return nil
	}
	api, err := c.ready(ctx, o)
	if err != nil {
		return err
	}
	options, err := c.content(api.workspace, o)
	if err != nil {
		return err
	}
	_, _, _, err = api.UpdateMessageContext(ctx, o.Channel.ID, ref, options...)
	if err := c.judge(api, o.Channel.ID, err); err != nil {
		return fmt.Errorf("edit message %s in slack channel %s: %w", ref, o.Channel.ID, err)
	}
	return nil
}

// content draws the message. Its intent goes along twice: as metadata, and as the first block's id, for a Slack that keeps
// no metadata.
func (c *Chat) content(w *workspace, o bot.Outgoing) ([]slack.MsgOption, error) {
	options := blockkit.Options{ID: blockID(o.ID), Links: links(w, o)}
	if o.Run != "" && c.runURL != nil {
		options.More = c.runURL(o.Run)
	}
	blocks, text := blockkit.Draw(o.Message, options), blockkit.Fallback(o.Message)
	if err := blockkit.Lint(blocks, text); err != nil {
		return nil, &bot.Refused{Err: fmt.Errorf("message %s is not as slack wants it, a fault of Bellwether's: %w", o.ID, err)}
	}
	return []slack.MsgOption{
		slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...), slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{intentKey: o.ID}}),
	}, nil
}

// links are the addresses of the threads that the message may lead to, by run.
func links(w *workspace, o bot.Outgoing) map[string]string {
	to := make(map[string]string, len(o.Links))
	for run, ts := range o.Links {
		to[run] = w.url + "archives/" + o.Channel.ID + "/p" + strings.ReplaceAll(ts, ".", "")
	}
	return to
}

// upload puts a picture into the thread and returns the file's id: Slack tells no message for it. Until the last of the three
// requests nobody sees anything, so that a failure before it is none that could show the picture twice.
func (c *Chat) upload(ctx context.Context, api *client, o bot.Outgoing) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, uploadLimit)
	defer cancel()
	ticket, err := api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
		FileName: fileName(o.ID), FileSize: len(o.Picture), AltTxt: blockkit.Line(o.Message.Picture.Alt, altLimit),
	})
	if err != nil {
		return "", fmt.Errorf("announce picture %s to slack: %w", o.ID, unseen(c.judge(api, o.Channel.ID, err)))
	}
	if err := c.send(ctx, ticket.UploadURL, o.Picture); err != nil {
		return "", fmt.Errorf("upload picture %s to slack: %w", o.ID, unseen(classify(err)))
	}
	_, err = api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files:   []slack.FileSummary{{ID: ticket.FileID, Title: blockkit.Line(o.Message.Title, titleLimit)}},
		Channel: o.Channel.ID, ThreadTimestamp: o.Thread, InitialComment: blockkit.Caption(o.Message, links(api.workspace, o)),
	})
	if err := c.judge(api, o.Channel.ID, err); err != nil {
		return "", fmt.Errorf("show picture %s in slack channel %s: %w", o.ID, o.Channel.ID, err)
	}
	return ticket.FileID, nil
}

// send uploads the bytes as they are. slack-go's UploadToURL ends its multipart body twice, and a server that reads to the
// last end keeps 68 bytes too many; neither does the address, which is a ticket by itself, need the token.
func (c *Chat) send(ctx context.Context, ticket string, picture []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, ticket, bytes.NewReader(picture))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	answer, err := c.http.Do(r)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return slack.StatusCodeError{Code: answer.StatusCode, Status: answer.Status}
	}
	return nil
}

// unseen is a classified error of a request that shows nobody anything: where it is not clear what came of it, it may be
// repeated.
func unseen(err error) error {
	if errors.As(err, new(*bot.NotSent)) || errors.As(err, new(*bot.Refused)) {
		return err
	}
	return &bot.NotSent{After: unwell, Err: err}
}

// Find looks through the thread, or the channel for a root, for what carries the intent.
func (c *Chat) Find(ctx context.Context, o bot.Outgoing, since time.Time) (string, error) {
	api, err := c.reach(ctx, o)
	if err != nil {
		return "", err
	}
	oldest := fmt.Sprintf("%d.000000", since.Add(-clocks).Unix())
	cursor := ""
	for range pages {
		messages, next, err := page(ctx, api, o, oldest, cursor)
		if err != nil {
			return "", fmt.Errorf("look for message %s in slack channel %s: %w", o.ID, o.Channel.ID, c.judge(api, o.Channel.ID, err))
		}
		for _, m := range messages {
			if ref := carried(m, o.ID); ref != "" {
				return ref, nil
			}
		}
		if cursor = next; cursor == "" {
			return "", nil
		}
	}
	return "", fmt.Errorf("look for message %s in slack channel %s: not among %d messages since %s, and there are more",
		o.ID, o.Channel.ID, pages*pageSize, since.UTC().Format(time.RFC3339))
}

func page(ctx context.Context, api *client, o bot.Outgoing, oldest, cursor string) ([]slack.Message, string, error) {
	if o.Thread != "" {
		messages, _, next, err := api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: o.Channel.ID, Timestamp: o.Thread, Oldest: oldest, Cursor: cursor, Limit: pageSize, IncludeAllMetadata: true,
		})
		return messages, next, err
	}
	h, err := api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: o.Channel.ID, Oldest: oldest, Cursor: cursor, Limit: pageSize, IncludeAllMetadata: true,
	})
	if err != nil {
		return nil, "", err
	}
	return h.Messages, h.ResponseMetaData.NextCursor, nil
}

// carried is the platform's id of the message, or of its file, when it carries the intent.
func carried(m slack.Message, intent string) string {
	if m.Metadata.EventType == eventType && m.Metadata.EventPayload[intentKey] == intent {
		return m.Timestamp
	}
	if len(m.Blocks.BlockSet) > 0 && m.Blocks.BlockSet[0].ID() == blockID(intent) {
		return m.Timestamp
	}
	i := slices.IndexFunc(m.Files, func(f slack.File) bool { return f.Name == fileName(intent) })
	if i < 0 {
		return ""
	}
	return m.Files[i].ID
}

// blockID is the intent as long as Slack takes it for a block's id.
func blockID(intent string) string {
	if len(intent) <= 255 {
		return intent
	}
	return digest(intent)
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// fileName carries the intent: readable, and by its digest unique.
func fileName(intent string) string {
	readable := unfit.ReplaceAllString(intent, "-")
	return readable[:min(len(readable), 100)] + "-" + digest(intent)[:12] + ".png"
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
