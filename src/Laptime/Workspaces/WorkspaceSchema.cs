using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Laptime.Workspaces;

/// <summary>laptime.yaml as JSON Schema (draft 2020-12), for editors and other checkers; written from <see cref="WorkspaceKeys"/>.</summary>
public static class WorkspaceSchema
{
    private const string NamePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";
    private const string VariablePattern = "^[A-Za-z_][A-Za-z0-9_]*$";
    private const string PathPattern = "^(?!/)(?![A-Za-z]:)(?!~(/|$))[^\\\\]+$";

    public static string Json() => Json("laptime.yaml", WorkspaceKeys.Root, WorkspaceKeys.All);

    /// <summary>The same of another file that is made from a table of keys.</summary>
    public static string Json(string title, KeySet root, IReadOnlyList<KeySet> all)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("$schema", "https://json-schema.org/draft/2020-12/schema");
            json.WriteString("title", title);
            json.WriteString("$ref", "#/$defs/" + root.Id);
            json.WriteStartObject("$defs");
            Scalars(json);
            foreach (var keys in all)
            {
                json.WriteStartObject(keys.Id);
                Section(json, keys);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void Section(Utf8JsonWriter json, KeySet keys)
    {
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        foreach (var key in keys.Keys)
        {
            json.WriteStartObject(key.Name);
            json.WriteString("description", key.Description + (key.Default is { } value ? $" Default: {value.Replace("`", "")}." : ""));
            Type(json, key.Type);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        Own(json);
        json.WriteBoolean("additionalProperties", false);
        if (keys.Keys.Any(static k => k.Required))
        {
            json.WriteStartArray("required");
            foreach (var key in keys.Keys.Where(static k => k.Required))
            {
                json.WriteStringValue(key.Name);
            }

            json.WriteEndArray();
        }

        if (keys == WorkspaceKeys.Root)
        {
            // Components, or an environment with a stack.
            json.WriteStartArray("anyOf");
            foreach (var either in (ReadOnlySpan<string>)["components", "environments"])
            {
                json.WriteStartObject();
                json.WriteStartArray("required");
                json.WriteStringValue(either);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (keys == WorkspaceKeys.Probe)
        {
            json.WriteStartArray("oneOf");
            foreach (var form in ProbeBinder.Forms)
            {
                json.WriteStartObject();
                json.WriteStartArray("required");
                json.WriteStringValue(form);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }
    }

    private static void Own(Utf8JsonWriter json)
    {
        json.WriteStartObject("patternProperties");
        json.WriteStartObject("^" + KeySet.OwnPrefix);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>What several keys share.</summary>
    private static void Scalars(Utf8JsonWriter json)
    {
        // A text may be written without quotes when it looks like a number or a boolean: the file's own words are taken.
        Definition(json, "text", static j => Types(j, "string", "number", "boolean"));
        Definition(json, "name", static j =>
        {
            Types(j, "string", "number", "boolean");
            j.WriteString("pattern", NamePattern);
        });
        Definition(json, "path", static j =>
        {
            Types(j, "string", "number", "boolean");
            j.WriteString("pattern", PathPattern);
        });
        Definition(json, "glob", static j =>
        {
            Types(j, "string", "number", "boolean");
            j.WriteString("pattern", "^!?" + PathPattern[1..]);
        });
        Definition(json, "duration", static j =>
        {
            j.WriteString("type", "string");
            j.WriteString("pattern", "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$");
        });
        Definition(json, "day", static j =>
        {
            j.WriteString("type", "string");
            j.WriteString("pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
        });
        Definition(json, "command", static j =>
        {
            j.WriteStartArray("oneOf");
            j.WriteStartObject();
            Types(j, "string", "number", "boolean");
            j.WriteEndObject();
            j.WriteStartObject();
            j.WriteString("type", "array");
            j.WriteNumber("minItems", 1);
            Reference(j, "items", "text");
            j.WriteEndObject();
            j.WriteEndArray();
        });
    }

    private static void Type(Utf8JsonWriter json, KeyType type)
    {
        switch (type)
        {
            case KeyType.Text or KeyType.TemplateText:
                Reference(json, "text");
                break;
            case KeyType.Name:
                Reference(json, "name");
                break;
            case KeyType.Path:
                Reference(json, "path");
                break;
            case KeyType.Glob:
                Reference(json, "glob");
                break;
            case KeyType.Span:
                Reference(json, "duration");
                break;
            case KeyType.Day:
                Reference(json, "day");
                break;
            case KeyType.Command:
                Reference(json, "command");
                break;
            case KeyType.Integer number:
                Integer(json, number);
                break;
            case KeyType.Switch:
                json.WriteString("type", "boolean");
                break;
            case KeyType.PortOrOwn:
                Either(json, static j => Integer(j, new KeyType.Integer(1, 65535)), static j => j.WriteString("const", "${port}"));
                break;
            case KeyType.Choice choice:
                json.WriteStartArray("enum");
                foreach (var word in choice.Of)
                {
                    json.WriteStringValue(word);
                }

                json.WriteEndArray();
                break;
            case KeyType.ChoiceByName choice:
                Either(json, j => Type(j, new KeyType.Choice(choice.Of)), j =>
                {
                    j.WriteString("type", "object");
                    j.WriteStartObject("propertyNames");
                    j.WriteString("pattern", NamePattern);
                    j.WriteEndObject();
                    Own(j);
                    j.WriteStartObject("additionalProperties");
                    Type(j, new KeyType.Choice(choice.Of));
                    j.WriteEndObject();
                });
                break;
            case KeyType.Many many:
                Either(json, j => Type(j, many.Of), j =>
                {
                    j.WriteString("type", "array");
                    j.WriteStartObject("items");
                    Type(j, many.Of);
                    j.WriteEndObject();
                });
                break;
            case KeyType.Section section:
                Reference(json, section.Keys.Id);
                break;
            case KeyType.SectionOrCommand section:
                Either(json, j => Reference(j, section.Keys.Id), static j => Reference(j, "command"));
                break;
            case KeyType.Named named:
                json.WriteString("type", "object");
                json.WriteStartObject("propertyNames");
                json.WriteString("pattern", NamePattern);
                json.WriteEndObject();
                Own(json);
                json.WriteStartObject("additionalProperties");
                if (named.MayBeEmpty)
                {
                    Either(json, j => Reference(j, named.Keys.Id), static j => j.WriteString("type", "null"));
                }
                else
                {
                    Reference(json, named.Keys.Id);
                }

                json.WriteEndObject();
                break;
            case KeyType.Texts texts:
                json.WriteString("type", "object");
                if (texts.Names is { } names)
                {
                    json.WriteStartObject("propertyNames");
                    json.WriteString("pattern", names == KeyType.TextNames.Variable ? VariablePattern : NamePattern);
                    json.WriteEndObject();
                }

                Reference(json, "additionalProperties", "text");
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static void Integer(Utf8JsonWriter json, KeyType.Integer number)
    {
        json.WriteString("type", "integer");
        json.WriteNumber("minimum", number.Least);
        json.WriteNumber("maximum", number.Most);
    }

    private static void Either(Utf8JsonWriter json, Action<Utf8JsonWriter> one, Action<Utf8JsonWriter> other)
    {
        json.WriteStartArray("anyOf");
        json.WriteStartObject();
        one(json);
        json.WriteEndObject();
        json.WriteStartObject();
        other(json);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void Definition(Utf8JsonWriter json, string name, Action<Utf8JsonWriter> write)
    {
        json.WriteStartObject(name);
        write(json);
        json.WriteEndObject();
    }

    private static void Types(Utf8JsonWriter json, params ReadOnlySpan<string> types)
    {
        json.WriteStartArray("type");
        foreach (var type in types)
        {
            json.WriteStringValue(type);
        }

        json.WriteEndArray();
    }

    private static void Reference(Utf8JsonWriter json, string id) => json.WriteString("$ref", "#/$defs/" + id);

    private static void Reference(Utf8JsonWriter json, string property, string id)
    {
        json.WriteStartObject(property);
        Reference(json, id);
        json.WriteEndObject();
    }
}
