package connector

import (
	"cmp"
	"context"
	"net/http"
	"strings"
)

// Member of a conversation.
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/get-teams-context
type Member struct {
	Name   string `json:"name"`
	Object string `json:"aadObjectId"`       // Entra's id of the member; empty for who is not in Entra
	Listed string `json:"objectId"`          // the same, as the documentation and lists of members call it
	Login  string `json:"userPrincipalName"` // has "#EXT#" for a guest
	Role   string `json:"userRole"`          // user, guest or anonymous; some connectors leave it out
	Tenant string `json:"tenantId"`          // that the member belongs to
}

// User is Entra's id of the member, by whichever name it came.
func (m Member) User() string { return cmp.Or(m.Object, m.Listed) }

// Of tells whether the member is one of a tenant's own people, rather than its guest. A role that nobody has heard of is none
// of theirs. Where no role is said, a guest is known by the name to sign in with; who has neither is nobody's.
func (m Member) Of(tenant string) bool {
	own := m.Role == "user" || m.Role == "" && m.Login != "" && !strings.Contains(strings.ToUpper(m.Login), "#EXT#")
	return own && strings.EqualFold(m.Tenant, tenant)
}

// Member looks a member of a conversation up.
func (c *Client) Member(ctx context.Context, service, conversation, user string) (m Member, err error) {
	err = c.do(ctx, http.MethodGet, at(service, conversation, "members", user), nil, &m)
	return m, err
}
