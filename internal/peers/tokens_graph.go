package peers

import (
	"encoding/json"
	"net/http"
	"slices"
)

// maxGroups is how many groups one request of checkMemberGroups may name.
const maxGroups = 20

// checkMemberGroups returns those of the groups asked about that the user is in.
func (m *Microsoft) checkMemberGroups(w http.ResponseWriter, r *http.Request) {
	if !m.Gave(r, m.GraphScope()) {
		graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
		return
	}
	var asked struct {
		Groups []string `json:"groupIds"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Groups) == 0 || len(asked.Groups) > maxGroups {
		graphError(w, http.StatusBadRequest, "Request_BadRequest", "Invalid value specified for property 'groupIds'.")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	joined, known := m.groups[r.PathValue("user")]
	if !known {
		graphError(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource does not exist or one of its queried reference-property objects are not present.")
		return
	}
	in := slices.DeleteFunc(asked.Groups, func(group string) bool { return !slices.Contains(joined, group) })
	writeJSON(w, http.StatusOK, map[string]any{"@odata.context": m.URL + "/v1.0/$metadata#Collection(Edm.String)", "value": in})
}

// DenyGraph answers as Graph does when nobody has consented to the permission; for Break.
func DenyGraph(w http.ResponseWriter, _ *http.Request) {
	graphError(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

func graphError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"code": code, "message": message}})
}
