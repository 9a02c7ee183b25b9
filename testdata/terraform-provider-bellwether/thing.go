package main

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// thing is a database or an instance. They differ in nothing but their names.
type thing struct {
	kind     string
	defaults map[string]string // tags
}

// state is what Terraform knows about a thing.
type state struct {
	ID       types.String `tfsdk:"id"`
	Name     types.String `tfsdk:"name"`
	Engine   types.String `tfsdk:"engine"`
	Size     types.Int64  `tfsdk:"size"`
	Password types.String `tfsdk:"password"`
	Tags     types.Map    `tfsdk:"tags"`
	TagsAll  types.Map    `tfsdk:"tags_all"`
}

func (t *thing) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + t.kind
}

func (t *thing) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":       schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
		"name":     schema.StringAttribute{Required: true, PlanModifiers: replaces},
		"engine":   schema.StringAttribute{Optional: true, PlanModifiers: replaces},
		"size":     schema.Int64Attribute{Optional: true},
		"password": schema.StringAttribute{Optional: true, Sensitive: true},
		"tags":     schema.MapAttribute{ElementType: types.StringType, Optional: true},
		"tags_all": schema.MapAttribute{ElementType: types.StringType, Computed: true},
	}}
}

func (t *thing) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	t.defaults, _ = req.ProviderData.(map[string]string)
}

// ModifyPlan works tags_all out, as the providers of the large clouds do: the provider's default tags and the thing's own.
func (t *thing) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var tags types.Map
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("tags"), &tags)...)
	if tags.IsUnknown() || resp.Diagnostics.HasError() {
		return
	}
	var planned state
	resp.Diagnostics.Append(req.Plan.Get(ctx, &planned)...)
	valid(t.record(planned), &resp.Diagnostics)
	all := maps.Clone(t.defaults)
	if all == nil {
		all = map[string]string{}
	}
	own := map[string]string{}
	resp.Diagnostics.Append(tags.ElementsAs(ctx, &own, false)...)
	maps.Copy(all, own)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("tags_all"), all)...)
}

func (t *thing) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var s state
	resp.Diagnostics.Append(req.Plan.Get(ctx, &s)...)
	s.ID = types.StringValue(t.kind + "-" + s.Name.ValueString())
	if t.change(ctx, s, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, s)...)
	}
}

func (t *thing) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var s state
	resp.Diagnostics.Append(req.Plan.Get(ctx, &s)...)
	if t.change(ctx, s, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, s)...)
	}
}

func (t *thing) change(ctx context.Context, s state, diags *diag.Diagnostics) bool {
	if !diags.HasError() {
		report(diags, put(ctx, t.record(s)))
	}
	return !diags.HasError()
}

// Read leaves the state alone as long as the thing exists: nobody else changes this cloud but by taking things away.
func (t *thing) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var s state
	resp.Diagnostics.Append(req.State.Get(ctx, &s)...)
	there, err := exists(t.record(s))
	report(&resp.Diagnostics, err)
	if err == nil && !there {
		resp.State.RemoveResource(ctx)
	}
}

func (t *thing) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var s state
	resp.Diagnostics.Append(req.State.Get(ctx, &s)...)
	report(&resp.Diagnostics, remove(ctx, t.record(s)))
}

func (t *thing) record(s state) record {
	return record{
		Kind: t.kind, Name: s.Name.ValueString(), Engine: s.Engine.ValueString(),
		Size: s.Size.ValueInt64(), password: s.Password.ValueString(),
	}
}

func report(diags *diag.Diagnostics, err error) {
	if err != nil {
		diags.AddError("The cloud refused", err.Error())
	}
}
