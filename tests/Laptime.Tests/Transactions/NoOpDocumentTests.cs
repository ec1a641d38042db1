using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

public sealed class NoOpDocumentTests
{
    [Fact]
    public void The_small_writer_says_what_the_serializer_says()
    {
        var text = Written(Sample(18_000_000, 18_000_000, 4_000_000));
        var document = JsonSerializer.Deserialize(text, TransactionJson.Default.TransactionDocument)!;
        var serialized = JsonSerializer.Serialize(document, TransactionJson.Default.TransactionDocument);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(text), JsonNode.Parse(serialized)), $"{text}\n{serialized}");
        Assert.Equal("unchanged", document.Outcome);
        Assert.Equal("cat\talog \"ü\" \ud83d\ude80", document.Components[1].Name);
        Assert.All(document.Components, c => Assert.Equal(("skip", "unchanged"), (c.Action, c.Cause)));
        Assert.Equal(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero).AddTicks(1234567), document.Trigger!.At);
        Assert.Equal(0.0225, document.Interval!.Seconds);
        Assert.Equal(2, document.Counters.Skipped);
    }

    [Fact]
    public void Its_critical_path_is_the_one_of_the_measurement() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(
            Gen.Choose(0, 50).Four().ToArbitrary(),
            t =>
            {
                var (detect, lookup) = ((From: t.Item1 * 10_000L, For: t.Item2 * 10_000L), (From: t.Item3 * 10_000L, For: t.Item4 * 10_000L));
                var sample = Sample(detect.For, lookup.From, lookup.For, detect.From, elapsed: Math.Max(detect.From + detect.For, lookup.From + lookup.For) + 70_000);
                var document = JsonSerializer.Deserialize(Written(sample), TransactionJson.Default.TransactionDocument)!;
                var path = CriticalPath.Of(document.Segments, 0, document.Interval!.Seconds!.Value);
                Assert.Equal(path.Segments.Select(s => s.CriticalPath), document.Segments.Select(s => s.CriticalPath));
                Assert.Equal(path.UnattributedSeconds, document.Interval.UnattributedSeconds!.Value, 1e-9);
                Assert.Equal(path.Dominant!.Seconds, document.Dominant!.Seconds, 1e-9);
                Assert.Equal(path.Dominant.Share, document.Dominant.Share, 1e-6);
                Assert.Equal(path.Dominant.IntervalWithout, document.Dominant.IntervalWithout, 1e-9);
            }));

    [Fact]
    public void Any_text_is_read_back_as_it_was() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(ArbMap.Default.ArbFor<string?>(), text =>
        {
            var json = new Utf8Json(1);
            json.Open('{');
            json.Text("a", text);
            json.Texts("b", [text ?? "", text ?? ""]);
            json.Close('}');
            var read = JsonNode.Parse(json.Written)!;
            // Unpaired surrogates are no text; every encoder puts the replacement character.
            var expected = text is null ? null : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.Equal(expected, (string?)read["a"]);
            Assert.Equal(expected ?? "", (string?)read["b"]![1]);
        }));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "0.000000001")]
    [InlineData(1_500_000_000, "1.5")]
    [InlineData(-20_000_000, "-0.02")]
    [InlineData(36_000_000_000_000, "36000")]
    public void Seconds_are_exact(long nanoseconds, string text)
    {
        var json = new Utf8Json(1);
        json.RawSeconds(nanoseconds);
        Assert.Equal(text, Encoding.UTF8.GetString(json.Written));
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(-10)]
    [InlineData(0)]
    public void Numbers_are_exact(long value)
    {
        var json = new Utf8Json(1);
        json.RawNumber(value);
        Assert.Equal(value.ToString(), Encoding.UTF8.GetString(json.Written));
    }

    [Fact]
    public void A_torn_line_costs_only_itself()
    {
        using var folder = new TemporaryFolder();
        var log = new NoOpLog(Path.Combine(folder.Path, "journal.noop"));
        var json = new Utf8Json();
        Sample(1, 1, 1).WriteLine(json);
        var line = json.Written.ToArray();
        for (var cut = 1; cut < line.Length; cut += 97)
        {
            File.WriteAllBytes(log.Path, line[..cut]);
            NoOpLog.Append(log.Path, line);
            Assert.Equal("tx-20261121-120000-7f3a9c", Assert.Single(log.Read()).Id);
        }
    }

    [Fact]
    public void Lines_of_several_writers_do_not_mix()
    {
        using var folder = new TemporaryFolder();
        var log = new NoOpLog(Path.Combine(folder.Path, "journal.noop"));
        var json = new Utf8Json();
        Sample(1, 1, 1).WriteLine(json);
        var line = json.Written.ToArray();
        Parallel.For(0, 100, _ => NoOpLog.Append(log.Path, line));
        Assert.Equal(100, log.Read().Count);
        Assert.Equal(100 * line.Length, new FileInfo(log.Path).Length);
    }

    private static string Written(NoOpDocument document)
    {
        var json = new Utf8Json(1);
        document.Write(json);
        return Encoding.UTF8.GetString(json.Written);
    }

    private static NoOpDocument Sample(long detect, long lookupFrom, long lookup, long detectFrom = 0, long elapsed = 22_500_000) => new()
    {
        Id = "tx-20261121-120000-7f3a9c", Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Profile = null, Actor = "ada@mill, pid 1",
        StartedUnixNs = 1_795_262_400_123_456_789, ElapsedNs = elapsed, DetectStartNs = detectFrom, DetectNs = detect, LookupStartNs = lookupFrom, LookupNs = lookup,
        Names = ["gateway", "cat\talog \"ü\" \ud83d\ude80"], Fingerprints = ["sha256:" + new string('1', 64), null], DeploymentKeys = ["sha256:" + new string('2', 64), null],
        Artifacts = ["sha256:" + new string('3', 64), null], Revisions = ["gateway@333333333333", null], Endpoints = ["http://127.0.0.1:5080", null],
        Instances = [2, 0], Of = [2, 1], ReadUnixNs = [1_795_262_400_140_000_000, 1_795_262_401_000_000_000], Ready = ["not-run", "pass"], Reflected = ["pass", "unknown"],
        ParityGaps = ["a \\ b"], Warnings = [],
    };
}
