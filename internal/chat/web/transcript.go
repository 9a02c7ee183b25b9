package web

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// transcript is the contract's transcript.json: every message in the order posted, with its final text.
type transcript struct {
	Messages []entry `json:"messages"`
}

type entry struct {
	At      time.Time  `json:"at"`
	Channel string     `json:"channel"`
	Thread  string     `json:"thread"` // id of the root; empty for a root
	ID      string     `json:"id"`
	Author  string     `json:"author"`
	Text    string     `json:"text"`
	Updated *time.Time `json:"updated"`
	Images  []string   `json:"images"`
	Actions []string   `json:"actions"`
}

// transcribe lists the posts; folder is where their pictures are, relative to the transcript.
func transcribe(posts []post, folder string) transcript {
	t := transcript{Messages: make([]entry, len(posts))}
	for i, p := range posts {
		t.Messages[i] = transcribeOne(p, folder)
	}
	return t
}

func transcribeOne(p post, folder string) entry {
	e := entry{
		At: p.at.Truncate(time.Second), Channel: p.channel, Thread: p.thread, ID: p.id(), Author: p.author,
		Text: p.message.String(), Images: []string{}, Actions: []string{},
	}
	if !p.updated.IsZero() {
		updated := p.updated.Truncate(time.Second)
		e.Updated = &updated
	}
	if p.picture.png != nil {
		e.Images = append(e.Images, folder+"/"+p.id()+".png")
	}
	for _, a := range p.message.Actions {
		e.Actions = append(e.Actions, a.Label)
	}
	return e
}

// WriteTranscript writes dir/transcript.json and the pictures it names under dir/images, making both folders.
func (c *Chat) WriteTranscript(dir string) error {
	posts, _ := c.snapshot()
	if err := os.MkdirAll(filepath.Join(dir, "images"), 0o755); err != nil {
		return fmt.Errorf("make the transcript's folder: %w", err)
	}
	for _, p := range posts {
		if p.picture.png == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "images", p.id()+".png"), p.picture.png, 0o644); err != nil {
			return fmt.Errorf("write a picture of the transcript: %w", err)
		}
	}
	data, err := json.MarshalIndent(transcribe(posts, "images"), "", "  ")
	if err != nil {
		return fmt.Errorf("encode the transcript: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "transcript.json"), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the transcript: %w", err)
	}
	return nil
}
