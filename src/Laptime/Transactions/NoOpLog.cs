using System.Text;
using System.Text.Json;
using Laptime.Foundations;
using Microsoft.Win32.SafeHandles;

namespace Laptime.Transactions;

/// <summary>
/// Runs that found nothing to do, one line each, in a file beside the journal: appending one costs some microseconds where opening the journal costs
/// milliseconds. The next real run folds the lines into the journal; until then List and Load read them from here.
/// A line is <c>id TAB environment TAB started (unix ns) TAB seconds TAB document (JSON, on one line)</c> between two line feeds, so that a line torn by a
/// crash or a full disk costs only itself. Writers and the folder exclude each other with an exclusive lock on the file, which is never renamed or removed.
/// </summary>
public sealed class NoOpLog(string path)
{
    /// <summary>How long a writer waits for another one, milliseconds; holding takes microseconds, folding a few milliseconds.</summary>
    private const int PatienceMilliseconds = 5000;

    public string Path { get; } = path;

    /// <summary>The log that belongs to the journal in <paramref name="journal"/>: <c>journal.db</c> has <c>journal.noop</c>.</summary>
    public static NoOpLog Beside(string journal) => new(System.IO.Path.ChangeExtension(journal, ".noop"));

    /// <summary>The same by system calls alone (Linux); false: nothing was written.</summary>
    public static bool TryAppend(string path, ReadOnlySpan<byte> line) => RawFile.Append(path, line, PatienceMilliseconds);

    /// <summary>Appends what <see cref="NoOpDocument.WriteLine"/> wrote. Uses nothing but the file API: it is called before any library is loaded.</summary>
    /// <exception cref="LapException">The file cannot be written; nothing else was touched.</exception>
    public static void Append(string path, ReadOnlySpan<byte> line)
    {
        if (OperatingSystem.IsLinux() && TryAppend(path, line))
        {
            return;
        }

        try
        {
            using var file = Lock(path, FileMode.OpenOrCreate)!;
            var end = RandomAccess.GetLength(file);
            try
            {
                RandomAccess.Write(file, line, end);
            }
            catch
            {
                RandomAccess.SetLength(file, end);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException("the no-op log cannot be written: " + e.Message, path, "free some space, or make the file and its folder writable for this user");
        }
    }

    /// <summary>
    /// Hands every line to <paramref name="import"/>, which must keep them durably and take lines it knows already, and empties the file after it returned.
    /// </summary>
    public void Fold(Action<IReadOnlyList<NoOpLine>> import)
    {
        try
        {
            if (!File.Exists(Path))
            {
                return;
            }

            using var file = Lock(Path, FileMode.Open);
            if (file is null || RandomAccess.GetLength(file) == 0)
            {
                return;
            }

            import(Parse(ReadAll(file)));
            RandomAccess.SetLength(file, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException("the no-op log cannot be folded into the journal: " + e.Message, Path, "make the file and its folder writable for this user");
        }
    }

    /// <summary>The lines that are not folded yet, oldest first.</summary>
    public IReadOnlyList<NoOpLine> Read()
    {
        try
        {
            if (!File.Exists(Path))
            {
                return [];
            }

            using var file = Lock(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return file is null ? [] : Parse(ReadAll(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException("the no-op log cannot be read: " + e.Message, Path, "make the file readable for this user");
        }
    }

    /// <summary>A no-op transaction that is not folded yet; null when there is none of that id.</summary>
    public TransactionDocument? Find(string transaction) => Read().LastOrDefault(l => l.Id == transaction)?.Document;

    /// <summary>The newest <paramref name="most"/> of what the journal has (newest first) and of what is not folded yet.</summary>
    public IReadOnlyList<TransactionDocument> Merge(IReadOnlyList<TransactionDocument> recorded, string? environment, int most)
    {
        var lines = Read();
        if (lines.Count == 0)
        {
            return recorded;
        }

        var known = recorded.Select(d => d.Id).ToHashSet(StringComparer.Ordinal);
        var waiting = lines.Where(l => (environment is null || l.Environment == environment) && known.Add(l.Id)).Select(l => l.Document).Reverse();
        // A stable sort: what the log has is newer than what the journal has of the same second.
        return waiting.Concat(recorded).OrderByDescending(d => d.Id.Length > 18 ? d.Id[..18] : d.Id, StringComparer.Ordinal).Take(most).ToList();
    }

    /// <summary>Null when there is no such file. The share decides the lock: none is exclusive, any other is shared.</summary>
    private static SafeFileHandle? Lock(string path, FileMode mode, FileAccess access = FileAccess.ReadWrite, FileShare share = FileShare.None)
    {
        for (var waited = 0; ; waited++)
        {
            try
            {
                return File.OpenHandle(path, mode, access, share);
            }
            catch (FileNotFoundException)
            {
                return null;
            }
            catch (IOException e) when (e is not DirectoryNotFoundException && waited < PatienceMilliseconds && IsLocked(e))
            {
                Thread.Sleep(1);
            }
        }
    }

    /// <summary>EWOULDBLOCK of flock (11 on Linux, 35 on macOS), or a sharing violation.</summary>
    private static bool IsLocked(IOException e) => (e.HResult & 0xffff) is 11 or 35 or 32 or 33;

    private static byte[] ReadAll(SafeFileHandle file)
    {
        var bytes = new byte[RandomAccess.GetLength(file)];
        var length = 0;
        while (length < bytes.Length)
        {
            var count = RandomAccess.Read(file, bytes.AsSpan(length), length);
            if (count == 0)
            {
                break;
            }

            length += count;
        }

        return length == bytes.Length ? bytes : bytes[..length];
    }

    private static List<NoOpLine> Parse(byte[] bytes)
    {
        var lines = new List<NoOpLine>();
        var rest = bytes.AsSpan();
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOf((byte)'\n');
            if (end < 0)
            {
                break;
            }

            if (NoOpLine.TryParse(rest[..end]) is { } line)
            {
                lines.Add(line);
            }

            rest = rest[(end + 1)..];
        }

        return lines;
    }
}

/// <summary>One line of the <see cref="NoOpLog"/>.</summary>
/// <param name="Json">The transaction document as it stands in the line.</param>
/// <param name="Document">The same, read.</param>
public sealed record NoOpLine(string Id, string Environment, string Json, TransactionDocument Document)
{
    /// <summary>Null for a line that was torn: it was never acknowledged.</summary>
    internal static NoOpLine? TryParse(ReadOnlySpan<byte> line)
    {
        var fields = Encoding.UTF8.GetString(line).Split('\t');
        if (fields.Length != 5)
        {
            return null;
        }

        try
        {
            var document = JsonSerializer.Deserialize(fields[4], TransactionJson.Default.TransactionDocument);
            return document is not null && document.Id == fields[0] ? new NoOpLine(document.Id, document.Environment, fields[4], document) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
