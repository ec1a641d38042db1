using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Tests.Artifacts.Provenance;

public sealed class StatementTests
{
    private static readonly Gen<string> Text = Gen.Elements("a", "compile", "ж", "\"", "\\", "\n", "<script>", "𝒳", "+", "/", "=", "​").NonEmptyListOf().Select(string.Concat);
    private static readonly Gen<Digest> Digests = ArbMap.Default.GeneratorFor<int>().Select(n => Digest.Of("x" + n));
    private static readonly Gen<DateTimeOffset> Times = Gen.Choose(0, 2_000_000_000).Select(s => DateTimeOffset.FromUnixTimeMilliseconds(s * 1001L));

    private static readonly Gen<BuildProvenance> Any =
        from texts in Text.ArrayOf(9)
        from digests in Digests.ArrayOf(4)
        from times in Times.ArrayOf(3)
        from numbers in Gen.Choose(0, 1_000_000).ArrayOf(3)
        from commit in Gen.Elements("0123456789abcdef".ToCharArray()).ArrayOf(64)
        from steps in Gen.Choose(0, 4)
        from uses in Gen.Choose(0, 3)
        from flags in Gen.Elements(true, false).ArrayOf(4)
        select new BuildProvenance
        {
            Component = texts[0], Artifact = digests[0], Fingerprint = digests[1], Builder = texts[1], Invocation = texts[2], Profile = flags[0] ? texts[3] : null,
            Source = new SourceEvent { Event = texts[4], Repository = texts[5], Ref = texts[6], Commit = new string(commit)[..(flags[1] ? 40 : 64)], CommittedAt = times[0], Evidence = texts[7] },
            Started = times[1], Finished = times[2], Loop = flags[2] ? Loop.Fast : Loop.Safe, Dirty = flags[3], LapVersion = texts[8], InputCount = numbers[0], InputsDigest = digests[2],
            Steps = [.. Enumerable.Range(0, steps).Select(i => new ProvenanceStep(texts[i], (StepKind)i, numbers[1] / 1000.0, texts[8 - i], flags[i % 4] ? texts[i] : null))],
            Uses = [.. Enumerable.Range(0, uses).Select(i => new UsedArtifact(texts[i], digests[3]))],
        };

    [Fact]
    public void What_is_written_is_read_back() =>
        Prop.ForAll(Any.ToArbitrary(), provenance =>
        {
            var bytes = Statement.ToBytes(provenance);
            var again = Statement.Parse(bytes);
            Assert.Equal(provenance with { Steps = again.Steps, Uses = again.Uses }, again);
            Assert.Equal(provenance.Steps, again.Steps);
            Assert.Equal(provenance.Uses, again.Uses);
            Assert.Equal(bytes, Statement.ToBytes(again));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    /// <summary>What other verifiers read, at the place where the specifications have it.</summary>
    [Fact]
    public void The_statement_is_what_in_toto_and_SLSA_say()
    {
        using var signed = new Signed();
        var json = JsonNode.Parse(Statement.ToBytes(signed.Provenance))!;
        Assert.Equal("https://in-toto.io/Statement/v1", (string?)json["_type"]);
        Assert.Equal(["_type", "subject", "predicateType", "predicate"], json.AsObject().Select(p => p.Key));
        Assert.Equal(Signed.Subject.Digest.ToHex(), (string?)json["subject"]![0]!["digest"]!["sha256"]);
        Assert.Equal("https://slsa.dev/provenance/v1", (string?)json["predicateType"]);
        var definition = json["predicate"]!["buildDefinition"]!;
        Assert.Equal(["repository", "ref", "component", "profile", "fingerprint"], definition["externalParameters"]!.AsObject().Select(p => p.Key));
        Assert.Equal("git+https://git.example.org/shop@refs/heads/main", (string?)definition["resolvedDependencies"]![0]!["uri"]);
        Assert.Equal(new string('a', 40), (string?)definition["resolvedDependencies"]![0]!["digest"]!["gitCommit"]);
        Assert.Equal(Digest.Of("client").ToHex(), (string?)definition["resolvedDependencies"]![1]!["digest"]!["sha256"]);
        var details = json["predicate"]!["runDetails"]!;
        Assert.Equal(Signed.Builder, (string?)details["builder"]!["id"]);
        Assert.Equal("tx-20261121-110329-7f3a9c", (string?)details["metadata"]!["invocationId"]);
        Assert.Equal("2026-11-21T11:02:29.000Z", (string?)details["metadata"]!["finishedOn"]);
        Assert.Equal(42, (int)details["byproducts"]![0]!["annotations"]!["count"]!);
    }

    public static TheoryData<string, string, string> Refused => new()
    {
        { "_type", "\"https://in-toto.io/Statement/v0.1\"", "the statement._type is https://in-toto.io/Statement/v0.1, not https://in-toto.io/Statement/v1" },
        { "_type", "null", "no _type" },
        { "predicateType", "\"https://slsa.dev/provenance/v0.2\"", "not https://slsa.dev/provenance/v1" },
        { "more", "1", "unknown field more" },
        { "subject", "[]", "exactly one artifact" },
        { "subject", "[{\"name\":\"gateway\",\"digest\":{\"sha256\":\"00\"}},{}]", "exactly one artifact" },
        { "subject", "{}", "not a list" },
        { "subject.0.name", "\"other\"", "other, not gateway" },
        { "subject.0.digest.sha256", "\"00\"", "64 hexadecimal digits" },
        { "subject.0.digest.sha256", "\"" + new string('A', 64) + "\"", "64 hexadecimal digits" },
        { "subject.0.digest.sha256", "\"" + new string('0', 64) + "\"", "64 hexadecimal digits" },
        { "subject.0.digest.sha512", "\"00\"", "unknown field sha512" },
        { "predicate", "[]", "not an object" },
        { "predicate.buildDefinition", "null", "no buildDefinition" },
        { "predicate.buildDefinition.buildType", "\"urn:other\"", "not urn:laptime:build:v1" },
        { "predicate.buildDefinition.externalParameters.fingerprint", "\"abc\"", "not a sha256 digest" },
        { "predicate.buildDefinition.externalParameters.component", "\"\"", "not empty" },
        { "predicate.buildDefinition.externalParameters.ref", "\"refs/heads/else\"", "not git+https://git.example.org/shop@refs/heads/else" },
        { "predicate.buildDefinition.externalParameters.script", "\"evil\"", "unknown field script" },
        { "predicate.buildDefinition.internalParameters.dirty", "\"no\"", "not true or false" },
        { "predicate.buildDefinition.internalParameters.loop", "\"slow\"", "not fast or safe" },
        { "predicate.buildDefinition.internalParameters.event", "null", "no event" },
        { "predicate.buildDefinition.resolvedDependencies", "[]", "begins with the source" },
        { "predicate.buildDefinition.resolvedDependencies.0.digest.gitCommit", "\"abc\"", "not a git commit" },
        { "predicate.buildDefinition.resolvedDependencies.1.digest", "{}", "no sha256" },
        { "predicate.runDetails.builder.id", "7", "not a text" },
        { "predicate.runDetails.builder", "null", "no builder" },
        { "predicate.runDetails.metadata.finishedOn", "\"yesterday\"", "not a time" },
        { "predicate.runDetails.metadata.finishedOn", "\"2026-11-21T11:02:29+01:00\"", "not a time" },
        { "predicate.runDetails.metadata.laptime_steps.0.kind", "\"Install\"", "not a kind of step" },
        { "predicate.runDetails.metadata.laptime_steps.0.seconds", "-1", "not a number from 0" },
        { "predicate.runDetails.metadata.laptime_steps.0.seconds", "1e999", "not a number from 0" },
        { "predicate.runDetails.byproducts", "[]", "the digest of the inputs" },
        { "predicate.runDetails.byproducts.0.annotations.count", "1.5", "not a whole number" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_statement_that_is_not_ours_is_refused_with_the_place(string path, string value, string reason)
    {
        using var signed = new Signed();
        Assert.Contains(reason, Assert.Throws<FormatException>(() => Statement.Parse(With(Statement.ToBytes(signed.Provenance), path, value))).Message, StringComparison.Ordinal);
    }

    /// <summary>The statement with one value replaced or added; null removes it.</summary>
    internal static byte[] With(byte[] statement, string path, string value)
    {
        var root = JsonNode.Parse(statement)!;
        var parts = path.Split('.');
        var at = root;
        foreach (var part in parts[..^1])
        {
            at = int.TryParse(part, out var index) ? at[index]! : at[part]!;
        }

        // As raw text at the end: a number beyond what a double holds must come through.
        at.AsObject()[parts[^1]] = "@here@";
        return Encoding.UTF8.GetBytes(root.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).Replace("\"@here@\"", value));
    }
}
