package slack

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

// charting answers with a picture.
func charting() *doer {
	d := answering("checkout-flow: p95 +38 %", true)
	d.reply.Message.Picture = &bot.Picture{Key: "history/ab", Alt: "14 runs, last 312 ms"}
	d.reply.Picture = []byte("\x89PNG…")
	return d
}

// withPictures is a chat whose pictures are at that address.
func withPictures(t *testing.T, f *fake, base string) *Chat {
	c := f.chat(t)
	c.pictureURL = func(key string) string { return base + "/pictures/" + key + ".png" }
	return c
}

func images(blocks slack.Blocks) (urls []string) {
	for _, b := range blocks.BlockSet {
		if image, ok := b.(*slack.ImageBlock); ok {
			urls = append(urls, image.ImageURL+" "+image.AltText)
		}
	}
	return urls
}

func ask(c *Chat, f *fake, d *doer) {
	f.messages = append(f.messages, msg("1.000001"))
	send(c, d, signed("/slack/events", jsonType, mention("<@U0BELL> history checkout-flow", "Ev1", "1.000001"), secret, time.Now()))
}

func TestPictureOfAPrivateAnswer(t *testing.T) {
	f := newFake(t)
	ask(withPictures(t, f, "https://bellwether.example.com"), f, charting())
	require.Len(t, f.ephemeral, 1)
	require.Equal(t, []string{"https://bellwether.example.com/pictures/history/ab.png 14 runs, last 312 ms"}, images(f.ephemeral[0].Blocks))
}

// Slack refuses the whole message when it cannot fetch the picture.
func TestPictureThatSlackCannotFetch(t *testing.T) {
	f := newFake(t)
	f.fail["chat.postEphemeral"] = func(w http.ResponseWriter) bool {
		delete(f.fail, "chat.postEphemeral")
		no(w, "invalid_blocks")
		return true
	}
	ask(withPictures(t, f, "https://bellwether.internal"), f, charting())
	require.Len(t, f.ephemeral, 1)
	require.Empty(t, images(f.ephemeral[0].Blocks))
	require.Contains(t, pretty(f.ephemeral[0].Blocks), "14 runs, last 312 ms", "in words")
	require.Equal(t, 2, f.count("chat.postEphemeral"))
}

func TestPictureWithoutAnAddressOfOurs(t *testing.T) {
	for _, base := range []string{"", "http://localhost:8080"} {
		f := newFake(t)
		ask(withPictures(t, f, base), f, charting())
		require.Len(t, f.ephemeral, 1)
		require.Empty(t, images(f.ephemeral[0].Blocks))
		require.Contains(t, pretty(f.ephemeral[0].Blocks), "14 runs, last 312 ms")
	}
}

// Of a response to a command nobody hears whether Slack took it, so that one with a picture goes by the response_url.
func TestPictureInTheAnswerToACommand(t *testing.T) {
	for name, refused := range map[string]bool{"fetched": false, "not fetched": true} {
		t.Run(name, func(t *testing.T) {
			c := withPictures(t, newFake(t), "https://bellwether.example.com")
			var posted []string
			c.http = &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Host != "hooks.slack.com" {
					return
				}
				var b bytes.Buffer
				_, _ = b.ReadFrom(r.Body)
				posted = append(posted, b.String())
				if refused && strings.Contains(b.String(), `"type":"image"`) {
					http.Error(w, "invalid_blocks", http.StatusInternalServerError)
				}
			})}}
			r := signed("/slack/commands", form, slash("history checkout-flow", "t1", "https://hooks.slack.com/1"), secret, time.Now())
			w := send(c, charting(), r)
			require.Equal(t, http.StatusOK, w.Code)
			require.Empty(t, w.Body.String())
			require.Contains(t, posted[0], `"image_url":"https://bellwether.example.com/pictures/history/ab.png"`)
			require.Contains(t, posted[0], `"response_type":"ephemeral"`)
			if !refused {
				require.Len(t, posted, 1)
				return
			}
			require.Len(t, posted, 2)
			require.NotContains(t, posted[1], "image_url")
			require.Contains(t, posted[1], "14 runs, last 312 ms")
		})
	}
}
