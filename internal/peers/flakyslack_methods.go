package peers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// What Slack's documentation says a message may have.
const (
	slackBlocks  = 50
	slackBlockID = 255 // characters
	slackHeader  = 150
	slackSection = 3_000
	slackAll     = 13_200 // in all blocks; measured, not documented
	slackText    = 40_000
)

func (s *FlakySlack) post(r *http.Request) (map[string]any, string) {
	m := &Posted{Channel: r.FormValue("channel"), Thread: r.FormValue("thread_ts")}
	if _, direct := s.people[m.Channel]; !direct {
		if problem := s.writable(m.Channel, m.Thread); problem != "" {
			return nil, problem
		}
	}
	if problem := m.write(r); problem != "" {
		return nil, problem
	}
	s.add(m)
	return map[string]any{"channel": m.Channel, "ts": m.TS}, ""
}

func (s *FlakySlack) update(r *http.Request) (map[string]any, string) {
	channel := r.FormValue("channel")
	if problem := s.writable(channel, ""); problem != "" {
		return nil, problem
	}
	m := s.find(channel, r.FormValue("ts"))
	if m == nil {
		return nil, "message_not_found"
	}
	if problem := m.write(r); problem != "" {
		return nil, problem
	}
	m.Edits++
	return map[string]any{"channel": channel, "ts": m.TS}, ""
}

// write gives the message the content of a request, once that was looked at. An edit without metadata keeps those it has.
func (m *Posted) write(r *http.Request) (problem string) {
	text, raw, metadata := r.FormValue("text"), r.FormValue("blocks"), r.FormValue("metadata")
	switch {
	case text == "" && raw == "":
		return "no_text"
	case utf8.RuneCountInString(text) > slackText:
		return "msg_too_long"
	case raw != "" && !wellFormed(raw):
		return "invalid_blocks"
	case words([]byte(raw)) > slackAll:
		return "msg_blocks_too_long"
	case metadata != "" && !json.Valid([]byte(metadata)):
		return "invalid_metadata_format"
	}
	m.Text, m.Blocks = text, raw
	if metadata != "" {
		m.Metadata = metadata
	}
	return ""
}

func wellFormed(raw string) bool {
	var blocks []struct {
		Type string `json:"type"`
		ID   string `json:"block_id"`
		Text struct {
			Text string `json:"text"`
		} `json:"text"`
	}
	if json.Unmarshal([]byte(raw), &blocks) != nil || len(blocks) > slackBlocks {
		return false
	}
	ids := map[string]bool{}
	for _, b := range blocks {
		if b.Type == "" || utf8.RuneCountInString(b.ID) > slackBlockID || b.ID != "" && ids[b.ID] {
			return false
		}
		if n := utf8.RuneCountInString(b.Text.Text); n > slackSection || b.Type == "header" && n > slackHeader {
			return false
		}
		ids[b.ID] = true
	}
	return true
}

// words counts the characters of every text in the JSON, wherever it is.
func words(raw []byte) (n int) {
	var object map[string]json.RawMessage
	var list []json.RawMessage
	var text string
	switch {
	case json.Unmarshal(raw, &object) == nil:
		for key, below := range object {
			if key == "text" && json.Unmarshal(below, &text) == nil {
				n += utf8.RuneCountInString(text)
				continue
			}
			n += words(below)
		}
	case json.Unmarshal(raw, &list) == nil:
		for _, below := range list {
			n += words(below)
		}
	}
	return n
}

// announce begins an upload.
func (s *FlakySlack) announce(r *http.Request) (map[string]any, string) {
	size, err := strconv.Atoi(r.FormValue("length"))
	if err != nil || size <= 0 || r.FormValue("filename") == "" {
		return nil, "invalid_arguments"
	}
	id := fmt.Sprintf("F%06d", len(s.files)+1)
	s.files[id] = &upload{name: r.FormValue("filename"), size: size}
	return map[string]any{"upload_url": s.server.URL + "/upload/" + id, "file_id": id}, ""
}

// receive takes the bytes of an upload, as they are or as a form's file. Its address is its ticket.
func (s *FlakySlack) receive(w http.ResponseWriter, r *http.Request, id string) {
	file := s.files[id]
	if file == nil {
		http.Error(w, "no such upload", http.StatusNotFound)
		return
	}
	var body io.Reader = r.Body // was read before: it comes from memory
	if parts, err := r.MultipartReader(); err == nil {
		if body, err = parts.NextPart(); err != nil {
			http.Error(w, "a form without a file", http.StatusBadRequest)
			return
		}
	}
	file.data, _ = io.ReadAll(body)
	_, _ = io.WriteString(w, "OK")
}

// share ends an upload and shows it as a message.
func (s *FlakySlack) share(r *http.Request) (map[string]any, string) {
	var shared []struct {
		ID string `json:"id"`
	}
	if json.Unmarshal([]byte(r.FormValue("files")), &shared) != nil || len(shared) != 1 {
		return nil, "invalid_arguments"
	}
	m := &Posted{Channel: r.FormValue("channel_id"), Thread: r.FormValue("thread_ts"), Text: r.FormValue("initial_comment")}
	if problem := s.writable(m.Channel, m.Thread); problem != "" {
		return nil, problem
	}
	file := s.files[shared[0].ID]
	if file == nil || file.done || len(file.data) != file.size {
		return nil, "file_not_found"
	}
	file.done = true
	m.File, m.FileID, m.Seen = file.name, shared[0].ID, time.Now().Add(s.processing)
	s.add(m)
	return map[string]any{"files": shared}, ""
}

// history is the channel's roots, the newest first.
func (s *FlakySlack) history(r *http.Request) (map[string]any, string) {
	if _, known := s.channels[r.FormValue("channel")]; !known {
		return nil, "channel_not_found"
	}
	roots := s.since(r, func(m *Posted) bool { return m.Thread == "" })
	slices.Reverse(roots)
	return page(roots, r), ""
}

// replies are a thread, the oldest first; its root comes always.
func (s *FlakySlack) replies(r *http.Request) (map[string]any, string) {
	root := s.find(r.FormValue("channel"), r.FormValue("ts"))
	if root == nil {
		return nil, "thread_not_found"
	}
	thread := s.since(r, func(m *Posted) bool { return m.Thread == root.TS })
	return page(append([]*Posted{root}, thread...), r), ""
}

func (s *FlakySlack) since(r *http.Request, wanted func(*Posted) bool) (found []*Posted) {
	for _, m := range s.messages { // ts of the same length: they compare as texts
		if m.Channel == r.FormValue("channel") && time.Now().After(m.Seen) && m.TS > r.FormValue("oldest") && wanted(m) {
			found = append(found, m)
		}
	}
	return found
}

// page is what a request asks for of what was found.
func page(found []*Posted, r *http.Request) map[string]any {
	from, _ := strconv.Atoi(r.FormValue("cursor"))
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil || limit <= 0 || limit > 1000 {
		limit = 100
	}
	from = min(from, len(found))
	till, next := min(from+limit, len(found)), ""
	if till < len(found) {
		next = strconv.Itoa(till)
	}
	shown := []map[string]any{}
	all := r.FormValue("include_all_metadata")
	for _, m := range found[from:till] {
		shown = append(shown, m.shown(all == "1" || all == "true"))
	}
	return map[string]any{"messages": shown, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}}
}

// shown is the message as it is read.
func (m *Posted) shown(metadata bool) map[string]any {
	v := map[string]any{"type": "message", "user": SlackBot, "ts": m.TS, "text": m.Text}
	if m.Thread != "" {
		v["thread_ts"] = m.Thread
	}
	if m.Blocks != "" {
		v["blocks"] = json.RawMessage(m.Blocks)
	}
	if m.Metadata != "" && metadata {
		v["metadata"] = json.RawMessage(m.Metadata)
	}
	if m.File != "" {
		v["files"] = []map[string]any{{"id": m.FileID, "name": m.File}}
	}
	return v
}
