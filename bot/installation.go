package bot

// Installation is Bellwether's app in one team of Microsoft Teams, as the team said of itself when it was installed: without it
// nobody knows where to send what Bellwether is the first to say there.
type Installation struct {
	Team       string `json:"team"`            // Teams' id: "19:…@thread.tacv2"
	Group      string `json:"group,omitempty"` // Entra's id for it, as in links to its channels
	Name       string `json:"name,omitempty"`
	Tenant     string `json:"tenant"`
	ServiceURL string `json:"service_url"` // takes messages for its channels
}
