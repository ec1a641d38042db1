using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Artifacts.Provenance;
using Laptime.Audit;
using Laptime.Fingerprints;

namespace Laptime.Tests.Audit;

/// <summary>What a log that somebody touched looks like, and what nobody can see.</summary>
public sealed class AuditTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly SigningKey key;
    private readonly AuditLog log;

    public AuditTests()
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var file = folder.File("audit.key", pair.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        key = SigningKey.FromFile(file);
        log = new AuditLog(Path.Combine(folder.Path, "audit", "log.jsonl"), TimeProvider.System);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        key.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_log_that_nobody_touched_is_whole_and_says_what_it_cannot_show()
    {
        var verdict = await WrittenAsync(5, signed: true);
        Assert.True(verdict.IsWhole);
        Assert.Equal((5, 5), (verdict.Head.Count, verdict.Last!.Head.Count));
        Assert.Contains(verdict.Blind, b => b.Contains("every checkpoint lies beside the log", StringComparison.Ordinal));
        Assert.Equal([1, 2, 3, 4, 5], log.Read().Select(e => e.Seq));
        Assert.Equal(verdict.Head, log.Head());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(log.Path));
    }

    [Fact]
    public async Task An_empty_log_is_whole_and_proves_nothing()
    {
        var verdict = AuditCheck.Of(log, [key.Public], []);
        Assert.True(verdict.IsWhole);
        Assert.Equal(AuditHead.Empty, log.Head());
        Assert.Contains(verdict.Blind, b => b.Contains("there is no log here", StringComparison.Ordinal));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task Any_flipped_byte_is_found()
    {
        await WrittenAsync(4, signed: true);
        var bytes = File.ReadAllBytes(log.Path);
        for (var i = 0; i < bytes.Length; i++)
        {
            var flipped = bytes.ToArray();
            flipped[i] ^= 1;
            File.WriteAllBytes(log.Path, flipped);
            Assert.False(Verdict().IsWhole, $"byte {i}");
        }
    }

    [Fact]
    public async Task An_edited_entry_is_named_by_its_line()
    {
        await WrittenAsync(4, signed: false);
        Change(lines => lines[1] = lines[1].Replace("fox", "cat", StringComparison.Ordinal));
        Assert.Equal((AuditTrouble.Edited, 2), Assert.Single(Verdict().Findings) is var f ? (f.Trouble, f.Line) : default);
    }

    [Fact]
    public async Task A_removed_line_is_named_by_its_number()
    {
        await WrittenAsync(5, signed: false);
        Change(lines => lines.RemoveAt(2));
        var found = Assert.Single(Verdict().Findings);
        Assert.Equal((AuditTrouble.Removed, "entry 3 is gone"), (found.Trouble, found.What));
    }

    [Fact]
    public async Task Lines_in_another_order_are_told_as_that()
    {
        await WrittenAsync(5, signed: false);
        Change(lines => (lines[1], lines[2]) = (lines[2], lines[1]));
        Assert.All(Verdict().Findings, f => Assert.Equal(AuditTrouble.Reordered, f.Trouble));
        Assert.NotEmpty(Verdict().Findings);
    }

    [Fact]
    public async Task A_cut_tail_is_found_by_the_checkpoint_and_not_without_one()
    {
        await WrittenAsync(5, signed: true);
        Change(lines => lines.RemoveRange(3, 2));
        var found = Assert.Single(Verdict().Findings);
        Assert.Equal(AuditTrouble.CutTail, found.Trouble);
        Assert.Contains("2 entries are gone from the end", found.What, StringComparison.Ordinal);

        File.Delete(log.Checkpoints);
        Assert.True(Verdict().IsWhole);
        Assert.Contains(Verdict().Blind, b => b.Contains("no checkpoint vouches", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_whole_chain_written_anew_is_found_by_what_is_kept_elsewhere()
    {
        var before = await WrittenAsync(3, signed: false);
        File.Delete(log.Path);
        await WrittenAsync(3, signed: false, who: "cat");
        Assert.True(Verdict().IsWhole);
        var pinned = AuditCheck.Of(log, [], [new AuditCheckpoint(before.Head, DateTimeOffset.UnixEpoch, "the attestation of web")]);
        Assert.Equal(AuditTrouble.Rewritten, Assert.Single(pinned.Findings).Trouble);
    }

    [Fact]
    public async Task A_log_that_is_gone_is_found_by_its_checkpoints()
    {
        await WrittenAsync(3, signed: true);
        File.Delete(log.Path);
        Assert.Equal(AuditTrouble.CutTail, Assert.Single(Verdict().Findings).Trouble);
    }

    [Fact]
    public async Task Checkpoints_of_a_strange_key_count_for_nothing_and_are_named()
    {
        await WrittenAsync(2, signed: true);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var stranger = VerificationKey.Parse(other.ExportSubjectPublicKeyInfoPem(), "stranger.pub");
        var verdict = AuditCheck.Of(log, [stranger], []);
        Assert.Null(verdict.Last);
        Assert.All(verdict.Findings, f => Assert.Equal(AuditTrouble.BadCheckpoint, f.Trouble));
        Assert.Equal(2, verdict.Findings.Count);
    }

    [Fact]
    public async Task A_torn_last_line_is_told_and_the_next_entry_records_it()
    {
        await WrittenAsync(2, signed: false);
        File.AppendAllText(log.Path, "{\"seq\":3,\"pre");
        Assert.Equal(AuditTrouble.TornTail, Assert.Single(Verdict().Findings).Trouble);
        await log.AppendAsync("fox", "deploy", [], null, Cancel);
        Assert.True(Verdict().IsWhole);
        Assert.Equal(["deploy", "deploy", "torn-tail", "deploy"], log.Read().Select(e => e.Event));
        Assert.Equal(13, (int)log.Read()[2].Data["bytes"]!);
    }

    [Fact]
    public async Task Several_at_once_make_one_chain()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => log.AppendAsync("fox", "deploy", [], null, Cancel)));
        Assert.True(Verdict().IsWhole);
        Assert.Equal(20, Verdict().Head.Count);
    }

    [Fact]
    public void Any_entry_is_read_back_as_it_was_written() => Prop.ForAll<string, string, string>((actor, happened, value) =>
    {
        var entry = new AuditEntry(7, Digest.Of("before"), DateTimeOffset.UnixEpoch.AddMilliseconds(1234), Whole(actor), Whole(happened), new JsonObject { ["value"] = Whole(value) });
        var line = entry.ToLine();
        var read = AuditEntry.Parse(line)!;
        return !line.Contains((byte)'\n') && (read.Actor, read.Event, (string?)read.Data["value"], read.Seq, read.Previous, read.Time) == (entry.Actor, entry.Event, Whole(value), 7, entry.Previous, entry.Time)
            && read.ToLine().AsSpan().SequenceEqual(line);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void No_removal_edit_or_swap_of_a_signed_log_goes_unseen() => Prop.ForAll(Gen.Choose(0, 2).Three().ToArbitrary(), ArbMap.Default.ArbFor<byte>(), (how, where) =>
    {
        var lines = Chain(8);
        var head = new AuditHead(8, Digest.Of(lines[7].Span));
        var at = where % 8;
        switch (how.Item1)
        {
            case 0:
                lines.RemoveAt(at);
                break;
            case 1:
                lines[at] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(lines[at].Span).Replace("\"n\":", "\"m\":", StringComparison.Ordinal));
                break;
            default:
                (lines[at], lines[(at + 1) % 8]) = (lines[(at + 1) % 8], lines[at]);
                break;
        }

        return !AuditCheck.Of(lines, 0, [new AuditCheckpoint(head, DateTimeOffset.UnixEpoch, "checkpoint")], [], []).IsWhole;
    }).QuickCheckThrowOnFailure();

    private static string Whole(string? text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text ?? ""));

    private static List<ReadOnlyMemory<byte>> Chain(int count)
    {
        var (lines, before) = (new List<ReadOnlyMemory<byte>>(), Digest.None);
        for (var i = 1; i <= count; i++)
        {
            var line = new AuditEntry(i, before, DateTimeOffset.UnixEpoch, "fox", "deploy", new JsonObject { ["n"] = i }).ToLine();
            before = Digest.Of(line);
            lines.Add(line);
        }

        return lines;
    }

    private AuditVerdict Verdict() => AuditCheck.Of(log, [key.Public], []);

    private async Task<AuditVerdict> WrittenAsync(int count, bool signed, string who = "fox")
    {
        for (var i = 0; i < count; i++)
        {
            await log.AppendAsync(who, "deploy", new JsonObject { ["n"] = i }, signed ? key : null, Cancel);
        }

        return Verdict();
    }

    private void Change(Action<List<string>> change)
    {
        var lines = File.ReadAllLines(log.Path).ToList();
        change(lines);
        File.WriteAllLines(log.Path, lines);
    }
}
