package ecs

import (
	"reflect"
	"testing"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"
)

// A field that AWS adds to task definitions must not be lost when the SDK is renewed.
func TestAgainCarriesEveryField(t *testing.T) {
	had := &awsecs.DescribeTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{}}
	fill(reflect.ValueOf(had.TaskDefinition).Elem())
	fill(reflect.ValueOf(&had.Tags).Elem())
	require.Len(t, had.Tags, 1)

	from, to := reflect.ValueOf(had.TaskDefinition).Elem(), reflect.ValueOf(again(had)).Elem()
	for _, field := range reflect.VisibleFields(to.Type()) {
		source := from.FieldByName(field.Name)
		switch {
		case !field.IsExported():
			continue
		case field.Name == "Tags":
			source = reflect.ValueOf(had.Tags)
		}
		require.True(t, source.IsValid(), "RegisterTaskDefinition has %s, which no task definition has", field.Name)
		require.False(t, source.IsZero(), "%s is not filled", field.Name)
		require.Equal(t, source.Interface(), to.FieldByIndex(field.Index).Interface(), field.Name)
	}
}

// fill sets every field of a value, however deep, to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		fillFields(v)
	case reflect.String:
		v.SetString("text")
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Bool:
		v.SetBool(true)
	}
}

func fillFields(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(7, 0)))
		return
	}
	for i := range v.NumField() {
		if v.Field(i).CanSet() {
			fill(v.Field(i))
		}
	}
}
