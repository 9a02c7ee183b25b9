// Command terraform-provider-bellwether is a Terraform provider for Bellwether's tests. Its cloud is a folder: what exists
// is a file there, so that a test sees what was really done.
//
// The folder is named by CLOUD_FOLDER. A test makes the cloud misbehave by files beside the resources' own:
//
//	orders.fail  changing orders fails with the text in the file
//	orders.slow  changing orders waits until the file is gone; orders.waiting is there meanwhile
//	orders.lost  reading orders fails
//	orders.bad   planning orders fails with two errors, one of which is in its summary alone
//
// Its errors tell passwords, as some clouds' do.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	serve := func() provider.Provider { return &bellwether{} }
	err := providerserver.Serve(context.Background(), serve, providerserver.ServeOpts{Address: "innerscale.example/test/bellwether"})
	if err != nil {
		log.Fatal(err)
	}
}

type bellwether struct{}

// settings is what a provider block says.
type settings struct {
	DefaultTags map[string]string `tfsdk:"default_tags"`
}

func (p *bellwether) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "bellwether"
}

func (p *bellwether) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"default_tags": schema.MapAttribute{ElementType: types.StringType, Optional: true},
	}}
}

func (p *bellwether) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var s settings
	resp.Diagnostics.Append(req.Config.Get(ctx, &s)...)
	resp.ResourceData = s.DefaultTags
}

func (p *bellwether) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p *bellwether) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		func() resource.Resource { return &thing{kind: "database"} },
		func() resource.Resource { return &thing{kind: "instance"} },
	}
}
