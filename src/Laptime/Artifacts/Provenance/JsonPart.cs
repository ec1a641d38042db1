using System.Globalization;
using System.Text.Json;
using Laptime.Fingerprints;

namespace Laptime.Artifacts.Provenance;

/// <summary>A value in a signed document, and where it stands. Everything that is not as expected is told with its place.</summary>
internal readonly struct JsonPart
{
    private readonly JsonElement element;
    private readonly string path;

    private JsonPart(JsonElement element, string path) => (this.element, this.path) = (element, path);

    /// <summary>Reads a document and gives what <paramref name="read"/> makes of it.</summary>
    /// <exception cref="FormatException">It is no JSON, has a name twice, or <paramref name="read"/> refused it.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> bytes, string what, Func<JsonPart, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return read(new JsonPart(document.RootElement, what));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter for text that is no text: half a surrogate pair.
            throw new FormatException($"{what} is no JSON: {e.Message}", e);
        }
    }

    public JsonPart this[string name] => Find(name) ?? throw new FormatException($"{path} has no {name}");

    public string Text => element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Wrong("a text");

    /// <summary>A text with something in it.</summary>
    public string Name => Text is { Length: > 0 } text ? text : throw Wrong("a text that is not empty");

    public bool Flag => element.ValueKind is JsonValueKind.True or JsonValueKind.False ? element.GetBoolean() : throw Wrong("true or false");

    public long Count => element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number) && number >= 0 ? number : throw Wrong("a whole number from 0");

    public double Seconds => element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var number) && number >= 0 && double.IsFinite(number) ? number : throw Wrong("a number from 0");

    /// <summary>64 hexadecimal digits, as in-toto writes a digest.</summary>
    public Digest Hex => Digest.TryParse("sha256:" + Text, out var digest) && !digest.IsNone ? digest : throw Wrong("64 hexadecimal digits");

    /// <summary>As OCI writes a digest.</summary>
    public Digest Digest => Digest.TryParse(Text, out var digest) && !digest.IsNone ? digest : throw Wrong("a sha256 digest");

    public DateTimeOffset Time =>
        DateTimeOffset.TryParseExact(Text, "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw Wrong("a time such as 2026-11-21T11:03:29Z");

    public JsonPart[] Items
    {
        get
        {
            if (element.ValueKind != JsonValueKind.Array)
            {
                throw Wrong("a list");
            }

            var place = path;
            return [.. element.EnumerateArray().Select((item, i) => new JsonPart(item, $"{place}[{i}]"))];
        }
    }

    public JsonPart? Find(string name) =>
        Object().TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? new JsonPart(value, $"{path}.{name}") : null;

    /// <summary>Refuses every other name: what we do not know may change what the rest means.</summary>
    public JsonPart Only(params ReadOnlySpan<string> names)
    {
        foreach (var property in Object().EnumerateObject())
        {
            if (!names.Contains(property.Name))
            {
                throw new FormatException($"{path} has the unknown field {Cut(property.Name)}");
            }
        }

        return this;
    }

    /// <exception cref="FormatException">It is another text.</exception>
    public void Must(string expected)
    {
        if (Text != expected)
        {
            throw new FormatException($"{path} is {Cut(Text)}, not {expected}");
        }
    }

    public FormatException Wrong(string expected) => new($"{path} is not {expected}");

    private static string Cut(string text) => text.Length <= 100 ? text : text[..100] + "…";

    private JsonElement Object() => element.ValueKind == JsonValueKind.Object ? element : throw Wrong("an object");
}
