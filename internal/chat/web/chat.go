// Package web is the local chat of the demo: channels, threads, pictures and buttons on one page that this process serves,
// for people who want to see Bellwether speak before they connect it to Slack or Teams. Messages live in memory.
package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image/png"
	"slices"
	"strconv"
	"sync"
	"time"

	"bellwether/bot"
)

// Platform is the name of this chat in a pipeline.Channel.
const Platform = "web"

// botName is the author of everything that no person said.
const botName = "Bellwether"

var _ bot.Chat = (*Chat)(nil)

// Chat keeps the posts of all channels, oldest first. It may be used by several goroutines.
type Chat struct {
	now   func() time.Time
	epoch string // tells this memory from the one before a restart

	mu       sync.Mutex
	posts    []post        // ordered by number
	whispers []post        // private replies that have a picture
	last     int           // the number given out last
	version  int           // counts changes of posts
	changed  chan struct{} // closed at the next change
}

// post is one visible message. What its fields point to is never changed, so that a copy of a post is a snapshot.
type post struct {
	number  int // its place in the order of all posts
	intent  string
	channel string
	thread  string // id of the root; empty for a root
	run     string
	author  string
	message bot.Message
	links   map[string]string
	picture picture
	at      time.Time
	updated time.Time // zero when it was never edited
	version int       // of the chat, when it was last touched
}

type picture struct {
	png           []byte
	width, height int
}

// New is an empty chat that takes its times from now.
func New(now func() time.Time) *Chat {
	return &Chat{now: now, epoch: strconv.FormatInt(now().UnixNano(), 36), changed: make(chan struct{})}
}

func (p post) id() string { return "m" + strconv.Itoa(p.number) }

// Post implements bot.Chat.
func (c *Chat) Post(_ context.Context, o bot.Outgoing) (string, error) {
	pic, err := decode(o.Picture)
	if err != nil {
		return "", &bot.Refused{Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Thread != "" && c.find(o.Thread, o.Root) == nil {
		return "", forgotten("thread", o.Thread)
	}
	p := post{
		number: c.reserve(), intent: o.ID, channel: o.Channel.ID, thread: o.Thread, run: o.Run, author: botName,
		message: o.Message, links: o.Links, picture: pic, at: c.now().UTC(),
	}
	c.insert(p)
	return p.id(), nil
}

// Edit implements bot.Chat.
func (c *Chat) Edit(_ context.Context, o bot.Outgoing, ref string) error {
	pic, err := decode(o.Picture)
	if err != nil {
		return &bot.Refused{Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.find(ref, o.ID)
	if p == nil {
		return forgotten("message", ref)
	}
	p.message, p.links, p.run, p.updated = o.Message, o.Links, o.Run, c.now().UTC()
	if pic.png != nil {
		p.picture = pic
	}
	p.version = c.touch()
	return nil
}

// Find implements bot.Chat.
func (c *Chat) Find(_ context.Context, o bot.Outgoing, since time.Time) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.posts {
		if p.intent == o.ID && p.channel == o.Channel.ID && !p.at.Before(since) {
			return p.id(), nil
		}
	}
	return "", nil
}

// decode reads the size of a PNG, which the page needs before the picture is there.
func decode(data []byte) (picture, error) {
	if len(data) == 0 {
		return picture{}, nil
	}
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return picture{}, fmt.Errorf("read the picture: %w", err)
	}
	return picture{png: data, width: config.Width, height: config.Height}, nil
}

// pictureOf is the PNG of a post or of a private reply; nil when it has none.
func (c *Chat) pictureOf(id string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range slices.Concat(c.posts, c.whispers) {
		if p.id() == id {
			return p.picture.png
		}
	}
	return nil
}

// forgotten refuses what refers to a post of an earlier process.
func forgotten(what, ref string) error {
	return &bot.Refused{Err: fmt.Errorf("the web chat has no %s %s: it forgets its messages when Bellwether restarts", what, ref)}
}

// find is the post with that id and intent. Ids start anew in every process and intents do not: the intent keeps an edit
// that was queued before a restart away from somebody else's message. Call it with the lock held.
func (c *Chat) find(id, intent string) *post {
	i := slices.IndexFunc(c.posts, func(p post) bool { return p.id() == id && p.intent == intent })
	if i < 0 {
		return nil
	}
	return &c.posts[i]
}

// reserve takes a place in the order of posts. Call it with the lock held.
func (c *Chat) reserve() int {
	c.last++
	return c.last
}

// insert puts a post at its place. Call it with the lock held.
func (c *Chat) insert(p post) {
	p.version = c.touch()
	i, _ := slices.BinarySearchFunc(c.posts, p.number, func(p post, n int) int { return cmp.Compare(p.number, n) })
	c.posts = slices.Insert(c.posts, i, p)
}

// touch counts a change and wakes the streams. Call it with the lock held.
func (c *Chat) touch() int {
	c.version++
	close(c.changed)
	c.changed = make(chan struct{})
	return c.version
}

// since lists the posts touched after that version, in the order they were touched, and what is closed at the next change.
func (c *Chat) since(version int) ([]post, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var touched []post
	for _, p := range c.posts {
		if p.version > version {
			touched = append(touched, p)
		}
	}
	slices.SortFunc(touched, func(a, b post) int { return cmp.Compare(a.version, b.version) })
	return touched, c.changed
}

// snapshot is all posts in order, and their version.
func (c *Chat) snapshot() ([]post, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.posts), c.version
}
