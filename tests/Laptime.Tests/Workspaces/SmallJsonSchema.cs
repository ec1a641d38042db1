using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Laptime.Tests.Workspaces;

/// <summary>The part of JSON Schema that our schema uses; an unknown keyword fails, so nothing goes unchecked.</summary>
internal sealed class SmallJsonSchema(JsonNode root)
{
    /// <summary>Why the value is refused; null: accepted.</summary>
    public string? Refusal(JsonNode? value) => Check(root, value, "$");

    private string? Check(JsonNode schema, JsonNode? value, string at)
    {
        foreach (var (keyword, rule) in schema.AsObject())
        {
            var refusal = keyword switch
            {
                "$schema" or "title" or "description" or "$defs" => null,
                "$ref" => Check(root["$defs"]![rule!.GetValue<string>()["#/$defs/".Length..]]!, value, at),
                "type" => (rule is JsonArray types ? types.Select(t => t!.GetValue<string>()) : [rule!.GetValue<string>()]).Any(t => IsType(value, t)) ? null : $"{at}: not {rule.ToJsonString()}",
                "enum" => rule!.AsArray().Any(r => JsonNode.DeepEquals(r, value)) ? null : $"{at}: not one of {rule.ToJsonString()}",
                "const" => JsonNode.DeepEquals(rule, value) ? null : $"{at}: not {rule!.ToJsonString()}",
                "pattern" => value is JsonValue v && v.GetValueKind() == JsonValueKind.String && !Regex.IsMatch(v.GetValue<string>(), rule!.GetValue<string>()) ? $"{at}: does not match {rule}" : null,
                "minimum" => Number(value) < rule!.GetValue<int>() ? $"{at}: below {rule}" : null,
                "maximum" => Number(value) > rule!.GetValue<int>() ? $"{at}: above {rule}" : null,
                "minItems" => value is JsonArray a && a.Count < rule!.GetValue<int>() ? $"{at}: too few" : null,
                "items" => value is JsonArray items ? items.Select((item, i) => Check(rule!, item, $"{at}[{i}]")).FirstOrDefault(r => r is not null) : null,
                "required" => value is JsonObject o ? rule!.AsArray().Select(r => r!.GetValue<string>()).Where(r => !o.ContainsKey(r)).Select(r => $"{at}: no {r}").FirstOrDefault() : null,
                "properties" => value is JsonObject p ? rule!.AsObject().Where(r => p.ContainsKey(r.Key)).Select(r => Check(r.Value!, p[r.Key], $"{at}.{r.Key}")).FirstOrDefault(r => r is not null) : null,
                "patternProperties" => value is JsonObject pp
                    ? pp.SelectMany(e => rule!.AsObject().Where(r => Regex.IsMatch(e.Key, r.Key)).Select(r => Check(r.Value!, e.Value, $"{at}.{e.Key}"))).FirstOrDefault(r => r is not null)
                    : null,
                "propertyNames" => value is JsonObject n ? n.Select(e => Check(rule!, JsonValue.Create(e.Key), $"{at} (name {e.Key})")).FirstOrDefault(r => r is not null) : null,
                "additionalProperties" => value is JsonObject more ? More(schema, rule!, more, at) : null,
                "anyOf" => rule!.AsArray().Select(r => Check(r!, value, at)).ToList() is var any && any.Contains(null) ? null : string.Join(" / ", any),
                "oneOf" => rule!.AsArray().Count(r => Check(r!, value, at) is null) is 1 ? null : $"{at}: not exactly one of {rule.ToJsonString()}",
                _ => throw new NotSupportedException(keyword),
            };
            if (refusal is not null)
            {
                return refusal;
            }
        }

        return null;
    }

    private string? More(JsonNode schema, JsonNode rule, JsonObject value, string at)
    {
        foreach (var (key, item) in value)
        {
            if (schema["properties"]?[key] is not null || (schema["patternProperties"]?.AsObject().Any(p => Regex.IsMatch(key, p.Key)) ?? false))
            {
                continue;
            }

            if (rule is JsonValue ? $"{at}: unknown {key}" is var unknown && !rule.GetValue<bool>() : (unknown = Check(rule, item, $"{at}.{key}")) is not null)
            {
                return unknown;
            }
        }

        return null;
    }

    private static double? Number(JsonNode? value) => value?.GetValueKind() == JsonValueKind.Number ? double.Parse(value.ToJsonString()) : null;

    private static bool IsType(JsonNode? value, string type) => type switch
    {
        "null" => value is null,
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => value?.GetValueKind() == JsonValueKind.String,
        "boolean" => value?.GetValueKind() is JsonValueKind.True or JsonValueKind.False,
        "number" => value?.GetValueKind() == JsonValueKind.Number,
        "integer" => Number(value) is { } number && number == Math.Floor(number),
        _ => throw new NotSupportedException(type),
    };
}
