package connector

import (
	"context"
	"net/http"
	"net/url"

	"github.com/infracloudio/msbotbuilder-go/connector/client"
	"github.com/infracloudio/msbotbuilder-go/schema"
)

// Client is also the part of msbotbuilder-go's adapter that sends: whatever goes through the adapter goes out like all else.
// That adapter hands no context on, so that only the time-out of a request ends it.
var _ client.Client = (*Client)(nil)

// Post sends a new activity.
func (c *Client) Post(target url.URL, a schema.Activity) error {
	_, err := c.send(context.Background(), http.MethodPost, target.String(), plain(a))
	return err
}

// Put gives an activity new content.
func (c *Client) Put(target url.URL, a schema.Activity) error {
	return c.do(context.Background(), http.MethodPut, target.String(), plain(a), nil)
}

// Delete takes an activity back.
func (c *Client) Delete(target url.URL, _ schema.Activity) error {
	return c.do(context.Background(), http.MethodDelete, target.String(), nil, nil)
}

// plain leaves out what the library's type would say without being asked: that the message was sent, and expired, in the
// year 1.
func plain(a schema.Activity) Activity {
	p := Activity{Type: string(a.Type), Text: a.Text, Summary: a.Summary}
	for _, attached := range a.Attachments {
		p.Attachments = append(p.Attachments, Attachment{attached.ContentType, attached.Content})
	}
	return p
}
