using System.Text;
using System.Text.Json.Nodes;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Audit;

/// <summary>
/// The audit log of a workspace: lines that are only ever added, each with the hash of the one before. Safe for several processes at once; what is added is on
/// the disk when it returns. Whoever can write the file can write it anew: what was signed, and what is kept elsewhere, tells (<see cref="AuditCheck"/>).
/// </summary>
/// <param name="file">Absolute. The checkpoints lie beside it.</param>
public sealed class AuditLog(string file, TimeProvider clock)
{
    private const byte LineEnd = (byte)'\n';
    private static readonly TimeSpan LockBound = TimeSpan.FromSeconds(30);

    public string Path => file;

    public string Checkpoints => System.IO.Path.Combine(Folder, System.IO.Path.GetFileNameWithoutExtension(file) + ".checkpoints.jsonl");

    private string Folder => System.IO.Path.GetDirectoryName(file)!;

    /// <summary>Adds an entry, and signs how far the log goes now.</summary>
    /// <param name="data">The facts; they become part of the entry.</param>
    /// <param name="key">Signs the checkpoint; null: there is none, and a cut tail will not be seen.</param>
    /// <exception cref="FaultException">The file cannot be written, or the key did not sign. What was added stays.</exception>
    public async Task<AuditEntry> AppendAsync(string actor, string happened, JsonObject data, SigningKey? key, CancellationToken cancel)
    {
        try
        {
            Directory.CreateDirectory(Folder);
            await using var held = await FileLock.TakeAsync(file + ".lock", LockBound, clock, cancel).ConfigureAwait(false);
            AuditEntry added;
            AuditHead head;
            using (var stream = new FileStream(file, Private(FileMode.OpenOrCreate, FileAccess.ReadWrite)))
            {
                var (last, torn) = Tail(stream);
                if (torn.Length > 0)
                {
                    // A crash in the middle of a line: nobody was told that it was written. What there is of it is kept as the fact that it is.
                    stream.SetLength(stream.Length - torn.Length);
                    last = Write(stream, last, "lap", "torn-tail", new JsonObject { ["bytes"] = torn.Length, ["digest"] = Digest.Of(torn).ToString() }).Line;
                }

                (added, var line) = Write(stream, last, actor, happened, data);
                stream.Flush(flushToDisk: true);
                head = new AuditHead(added.Seq, Digest.Of(line));
            }

            if (key is not null)
            {
                var envelope = await AuditCheckpoint.SignAsync(head, clock.GetUtcNow(), key, cancel).ConfigureAwait(false);
                await using var checkpoints = new FileStream(Checkpoints, Private(FileMode.Append, FileAccess.Write));
                checkpoints.Write([.. envelope, LineEnd]);
                checkpoints.Flush(flushToDisk: true);
            }

            return added;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.GuardrailRefused, $"the audit log cannot be written: {e.Message}", file, "make the folder writable, or free some disk space: nothing is done that is not recorded"), e);
        }
    }

    /// <summary>How far the log goes; empty when there is none.</summary>
    public AuditHead Head()
    {
        if (!File.Exists(file))
        {
            return AuditHead.Empty;
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var (last, _) = Tail(stream);
        return last.Length == 0 ? AuditHead.Empty : new AuditHead(AuditEntry.Parse(last)?.Seq ?? 0, Digest.Of(last));
    }

    /// <summary>Every entry that can be read, in the file's order.</summary>
    public IReadOnlyList<AuditEntry> Read() => [.. Lines().Lines.Select(l => AuditEntry.Parse(l.Span)).OfType<AuditEntry>()];

    /// <summary>The lines without their ends; what comes after the last end is torn off.</summary>
    internal (IReadOnlyList<ReadOnlyMemory<byte>> Lines, ReadOnlyMemory<byte> Torn) Lines()
    {
        ReadOnlyMemory<byte> bytes = File.Exists(file) ? File.ReadAllBytes(file) : [];
        var lines = new List<ReadOnlyMemory<byte>>();
        while (bytes.Span.IndexOf(LineEnd) is >= 0 and var end)
        {
            lines.Add(bytes[..end]);
            bytes = bytes[(end + 1)..];
        }

        return (lines, bytes);
    }

    /// <summary>The signed checkpoints that these keys vouch for, and what is wrong with the others.</summary>
    internal (IReadOnlyList<AuditCheckpoint> Good, IReadOnlyList<string> Bad) ReadCheckpoints(IReadOnlyList<VerificationKey> keys)
    {
        var (good, bad) = (new List<AuditCheckpoint>(), new List<string>());
        foreach (var (line, i) in (File.Exists(Checkpoints) ? File.ReadAllLines(Checkpoints) : []).Select((l, i) => (l, i)).Where(l => l.l.Length > 0))
        {
            try
            {
                good.Add(AuditCheckpoint.Verified(Encoding.UTF8.GetBytes(line), keys));
            }
            catch (FormatException e)
            {
                bad.Add($"{System.IO.Path.GetFileName(Checkpoints)}:{i + 1}: {e.Message}");
            }
        }

        return (good, bad);
    }

    /// <summary>For this user alone.</summary>
    private static FileStreamOptions Private(FileMode mode, FileAccess access)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = FileShare.Read };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    /// <summary>Only the end of the file is read, however long it is.</summary>
    private static (byte[] LastLine, byte[] Torn) Tail(FileStream stream)
    {
        for (var size = 64L << 10; ; size *= 4)
        {
            var from = Math.Max(0, stream.Length - size);
            stream.Position = from;
            var bytes = new byte[stream.Length - from];
            stream.ReadExactly(bytes);
            var end = Array.LastIndexOf(bytes, LineEnd);
            var before = end <= 0 ? -1 : Array.LastIndexOf(bytes, LineEnd, end - 1);
            if (from == 0 || before >= 0)
            {
                return (end < 0 ? [] : bytes[(before + 1)..end], bytes[(end + 1)..]);
            }
        }
    }

    private (AuditEntry Entry, byte[] Line) Write(FileStream stream, byte[] last, string actor, string happened, JsonObject data)
    {
        // After a line that is none of ours the count goes on from what the file has: the check says what is wrong with it.
        var seq = last.Length == 0 ? 1 : (AuditEntry.Parse(last)?.Seq ?? Lines().Lines.Count) + 1;
        var entry = new AuditEntry(seq, last.Length == 0 ? Digest.None : Digest.Of(last), clock.GetUtcNow(), actor, happened, data);
        var line = entry.ToLine();
        stream.Position = stream.Length;
        stream.Write([.. line, LineEnd]);
        return (entry, line);
    }
}
