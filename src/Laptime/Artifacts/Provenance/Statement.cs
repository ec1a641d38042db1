using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Provenance;

/// <summary>
/// An in-toto statement v1 with SLSA provenance v1, to bytes and back. What a verifier decides by stands where SLSA wants it: the builder in
/// <c>runDetails.builder.id</c>, the commit in <c>resolvedDependencies</c>, the few external parameters; the event and how it is known among the internal ones.
/// </summary>
public static class Statement
{
    public const string Type = "https://in-toto.io/Statement/v1";
    public const string PredicateType = "https://slsa.dev/provenance/v1";

    /// <summary>Names the form of our parameters; docs/guide/artifacts.md describes it.</summary>
    public const string BuildType = "urn:laptime:build:v1";

    private static readonly string[] Kinds = [.. Enum.GetNames<StepKind>().Select(n => n.ToLowerInvariant())];

    public static byte[] ToBytes(BuildProvenance provenance)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, OciManifest.Plain))
        {
            json.WriteStartObject();
            json.WriteString("_type", Type);
            json.WriteStartArray("subject");
            json.WriteStartObject();
            json.WriteString("name", provenance.Component);
            Sha256(json, provenance.Artifact);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteString("predicateType", PredicateType);
            json.WriteStartObject("predicate");
            Definition(json, provenance);
            Details(json, provenance);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Only for bytes whose signature was verified.</summary>
    /// <exception cref="FormatException">It is no such statement, or says something that this version does not know.</exception>
    public static BuildProvenance Parse(ReadOnlyMemory<byte> bytes) => JsonPart.Read(bytes, "the statement", Read);

    private static void Definition(Utf8JsonWriter json, BuildProvenance provenance)
    {
        var source = provenance.Source;
        json.WriteStartObject("buildDefinition");
        json.WriteString("buildType", BuildType);
        json.WriteStartObject("externalParameters");
        json.WriteString("repository", source.Repository);
        json.WriteString("ref", source.Ref);
        json.WriteString("component", provenance.Component);
        if (provenance.Profile is not null)
        {
            json.WriteString("profile", provenance.Profile);
        }

        json.WriteString("fingerprint", provenance.Fingerprint.ToString());
        json.WriteEndObject();
        json.WriteStartObject("internalParameters");
        json.WriteString("event", source.Event);
        json.WriteString("evidence", source.Evidence);
        json.WriteString("loop", provenance.Loop == Loop.Safe ? "safe" : "fast");
        json.WriteBoolean("dirty", provenance.Dirty);
        json.WriteEndObject();
        json.WriteStartArray("resolvedDependencies");
        json.WriteStartObject();
        json.WriteString("uri", $"{source.Repository}@{source.Ref}");
        json.WriteStartObject("digest");
        json.WriteString("gitCommit", source.Commit);
        json.WriteEndObject();
        json.WriteStartObject("annotations");
        json.WriteString("committedAt", Text(source.CommittedAt));
        json.WriteEndObject();
        json.WriteEndObject();
        foreach (var used in provenance.Uses)
        {
            json.WriteStartObject();
            json.WriteString("name", used.Component);
            Sha256(json, used.Artifact);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Details(Utf8JsonWriter json, BuildProvenance provenance)
    {
        json.WriteStartObject("runDetails");
        json.WriteStartObject("builder");
        json.WriteString("id", provenance.Builder);
        json.WriteStartObject("version");
        json.WriteString("lap", provenance.LapVersion);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("metadata");
        json.WriteString("invocationId", provenance.Invocation);
        json.WriteString("startedOn", Text(provenance.Started));
        json.WriteString("finishedOn", Text(provenance.Finished));
        // SLSA's form for fields of one's own.
        json.WriteStartArray("laptime_steps");
        foreach (var step in provenance.Steps)
        {
            json.WriteStartObject();
            json.WriteString("name", step.Name);
            json.WriteString("kind", Kinds[(int)step.Kind]);
            json.WriteNumber("seconds", Math.Round(step.Seconds, 3));
            json.WriteString("cache", step.Cache);
            if (step.Tool is not null)
            {
                json.WriteString("tool", step.Tool);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartArray("byproducts");
        json.WriteStartObject();
        json.WriteString("name", "inputs");
        Sha256(json, provenance.InputsDigest);
        json.WriteStartObject("annotations");
        json.WriteNumber("count", provenance.InputCount);
        json.WriteEndObject();
        json.WriteEndObject();
        if (provenance.Audit is { Count: > 0 } audit)
        {
            json.WriteStartObject();
            json.WriteString("name", "audit");
            Sha256(json, audit.Head);
            json.WriteStartObject("annotations");
            json.WriteNumber("count", audit.Count);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static BuildProvenance Read(JsonPart json)
    {
        json["_type"].Must(Type);
        json["predicateType"].Must(PredicateType);
        json.Only("_type", "subject", "predicateType", "predicate");
        if (json["subject"].Items is not [var subject])
        {
            throw json["subject"].Wrong("exactly one artifact");
        }

        var predicate = json["predicate"].Only("buildDefinition", "runDetails");
        var definition = predicate["buildDefinition"].Only("buildType", "externalParameters", "internalParameters", "resolvedDependencies");
        definition["buildType"].Must(BuildType);
        // SLSA: a verifier refuses external parameters that it does not know.
        var asked = definition["externalParameters"].Only("repository", "ref", "component", "profile", "fingerprint");
        var own = definition["internalParameters"].Only("event", "evidence", "loop", "dirty");
        var details = predicate["runDetails"].Only("builder", "metadata", "byproducts");
        var builder = details["builder"].Only("id", "version");
        var metadata = details["metadata"].Only("invocationId", "startedOn", "finishedOn", "laptime_steps");
        var dependencies = definition["resolvedDependencies"];
        if (dependencies.Items is not [var commit, .. var uses])
        {
            throw dependencies.Wrong("a list that begins with the source");
        }

        if (details["byproducts"].Items is not [var inputs, .. { Length: <= 1 } more])
        {
            throw details["byproducts"].Wrong("the digest of the inputs, and at most the head of the audit log");
        }

        var component = asked["component"].Name;
        subject.Only("name", "digest")["name"].Must(component);
        commit.Only("uri", "digest", "annotations")["uri"].Must($"{asked["repository"].Name}@{asked["ref"].Name}");
        inputs.Only("name", "digest", "annotations")["name"].Must("inputs");
        return new BuildProvenance
        {
            Component = component,
            Artifact = subject["digest"].Only("sha256")["sha256"].Hex,
            Fingerprint = asked["fingerprint"].Digest,
            Profile = asked.Find("profile")?.Name,
            Source = new SourceEvent
            {
                Event = own["event"].Name, Evidence = own["evidence"].Text, Repository = asked["repository"].Name, Ref = asked["ref"].Name,
                Commit = Commit(commit["digest"].Only("gitCommit")["gitCommit"]), CommittedAt = commit["annotations"].Only("committedAt")["committedAt"].Time,
            },
            Builder = builder["id"].Name,
            LapVersion = builder["version"].Only("lap")["lap"].Text,
            Invocation = metadata["invocationId"].Name,
            Started = metadata["startedOn"].Time,
            Finished = metadata["finishedOn"].Time,
            Loop = own["loop"].Text switch { "fast" => Loop.Fast, "safe" => Loop.Safe, _ => throw own["loop"].Wrong("fast or safe") },
            Dirty = own["dirty"].Flag,
            Steps = [.. metadata["laptime_steps"].Items.Select(Step)],
            InputCount = inputs["annotations"].Only("count")["count"].Count,
            InputsDigest = inputs["digest"].Only("sha256")["sha256"].Hex,
            Audit = more is [var audit] ? HeadOf(audit) : null,
            Uses = [.. uses.Select(u => new UsedArtifact(u.Only("name", "digest")["name"].Name, u["digest"].Only("sha256")["sha256"].Hex))],
        };
    }

    private static AuditHead HeadOf(JsonPart json)
    {
        json.Only("name", "digest", "annotations")["name"].Must("audit");
        return new AuditHead(json["annotations"].Only("count")["count"].Count, json["digest"].Only("sha256")["sha256"].Hex);
    }

    private static ProvenanceStep Step(JsonPart json)
    {
        json.Only("name", "kind", "seconds", "cache", "tool");
        var kind = Array.IndexOf(Kinds, json["kind"].Text);
        return kind < 0
            ? throw json["kind"].Wrong("a kind of step")
            : new ProvenanceStep(json["name"].Name, (StepKind)kind, json["seconds"].Seconds, json["cache"].Text, json.Find("tool")?.Text);
    }

    private static string Commit(JsonPart json) =>
        json.Text is { Length: 40 or 64 } text && text.All(char.IsAsciiHexDigitLower) ? text : throw json.Wrong("a git commit");

    private static void Sha256(Utf8JsonWriter json, Fingerprints.Digest digest)
    {
        json.WriteStartObject("digest");
        json.WriteString("sha256", digest.ToHex());
        json.WriteEndObject();
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
