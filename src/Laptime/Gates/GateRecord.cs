using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Fingerprints;
using Laptime.Transactions;

namespace Laptime.Gates;

/// <summary>Somebody, as git knows them. Nothing proves it; a signature does.</summary>
public sealed record GatePerson(string Name, string Email)
{
    public override string ToString() => $"{Name} <{Email}>";
}

/// <summary>What happened to an item: one file, never changed. Its name carries the digest of its bytes.</summary>
public sealed record GateRecord
{
    public const string SchemaName = "laptime/gate-record/v1";

    public string Schema { get; init; } = SchemaName;

    /// <summary><c>claim</c>, <c>pass</c>, <c>fail</c>, <c>veto</c> or <c>lift</c>.</summary>
    public required string Kind { get; init; }

    public required string Item { get; init; }

    public required DateTimeOffset At { get; init; }

    public required GatePerson By { get; init; }

    /// <summary>The public key (DER, base64) that signed the record; null: nobody did.</summary>
    public string? Key { get; init; }

    /// <summary>Digests of the item's newest records at that time: a record that is gone is missed by those after it.</summary>
    public required IReadOnlyList<string> After { get; init; }

    /// <summary>The commit that it is about.</summary>
    public string? Revision { get; init; }

    /// <summary>Digest of what gates.yaml asked for.</summary>
    public string? Definition { get; init; }

    /// <summary>Digest of the item's inputs at the commit.</summary>
    public string? Inputs { get; init; }

    /// <summary>Of a verification: the claim's digest.</summary>
    public string? Claim { get; init; }

    /// <summary>Of a failed verification: the first fact that is not as in the claim.</summary>
    public string? Difference { get; init; }

    /// <summary>Of a failed verification: files of the claimer's folder that are not in the commit and are named by what failed.</summary>
    public IReadOnlyList<GateSuspect>? Suspects { get; init; }

    public GateEnvironment? Environment { get; init; }

    /// <summary>The checks that ran, the item's own last.</summary>
    public IReadOnlyList<GateRun>? Runs { get; init; }

    public IReadOnlyList<GateEvidence>? Evidence { get; init; }

    /// <summary>Of a claim: files that were in the folder and are not in the commit (ignored by git), relative to the repository.</summary>
    public IReadOnlyList<string>? Beside { get; init; }

    /// <summary>More of them, that are not listed.</summary>
    public int? BesideMore { get; init; }

    /// <summary>Of a veto and its lift.</summary>
    public string? Reason { get; init; }

    /// <summary>Of a lift: the veto's digest.</summary>
    public string? Veto { get; init; }

    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, GateJson.Readable.GateRecord), (byte)'\n'];

    /// <exception cref="JsonException">It is no record.</exception>
    public static GateRecord Parse(ReadOnlySpan<byte> bytes)
    {
        var record = JsonSerializer.Deserialize(bytes, GateJson.Readable.GateRecord) ?? throw new JsonException("it is empty");
        return record.Schema == SchemaName ? record : throw new JsonException($"it is {record.Schema}, not {SchemaName}");
    }
}

/// <summary>Where a check ran. No values of variables: they may be secrets.</summary>
/// <param name="Locale">LC_ALL or LANG.</param>
/// <param name="Tools">What the tools of gates.yaml said of themselves.</param>
/// <param name="Vars">The variables of gates.yaml that were set.</param>
/// <param name="Path">Of a verification: the program folders it had.</param>
public sealed record GateEnvironment(string Os, string Architecture, string Locale, string Lap, IReadOnlyDictionary<string, string> Tools, IReadOnlyList<string> Vars, string? Path = null);

/// <summary>A check that ran.</summary>
/// <param name="Ending">"exit code 0", "no end within 10.0 s".</param>
/// <param name="Output">Digest of its standard output, the folder's own path written as `.`.</param>
/// <param name="Tail">The last lines of both outputs.</param>
public sealed record GateRun(string Item, string Check, int ExitCode, bool TimedOut, string Ending, double Seconds, string Output, IReadOnlyList<string> Tail)
{
    [JsonIgnore]
    public bool Succeeded => ExitCode == 0 && !TimedOut;
}

/// <param name="Path">Relative to gates.yaml's folder.</param>
/// <param name="Kept">The copy, relative to the folder of the records; null: it was too large to be kept.</param>
public sealed record GateEvidence(string Path, string Digest, long Size, string? Kept = null);

/// <param name="Path">Relative to the repository.</param>
/// <param name="Because">How it was found.</param>
public sealed record GateSuspect(string Path, string Because);

/// <summary>A record that was read and is whole.</summary>
/// <param name="Digest">Of the file's bytes.</param>
/// <param name="File">Relative to gates.yaml's folder.</param>
/// <param name="KnownKey">The name of the key in keys/ that signed it; null: it is not signed, or by a key that is not there.</param>
public sealed record StoredRecord(Digest Digest, GateRecord Record, string File, string? KnownKey)
{
    public string Kind => Record.Kind;
}

/// <summary>A record that counts for nothing, and why.</summary>
public sealed record GateTrouble(string Item, string File, string What);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(GateRecord))]
internal sealed partial class GateJson : JsonSerializerContext
{
    /// <summary>For people who read a record in a review; and strict: what we do not know may change what the rest means.</summary>
    public static GateJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false, Converters = { new UtcTime() },
        WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
