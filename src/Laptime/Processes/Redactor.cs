using System.Text;

namespace Laptime.Processes;

/// <summary>
/// Replaces secrets in a stream of bytes, also when one is split across chunks. A tail that could be the beginning of a secret is held
/// back until the next chunk decides; everything else passes at once.
/// </summary>
internal sealed class Redactor
{
    public const string Mark = "[redacted]";
    private static readonly byte[] MarkBytes = Encoding.ASCII.GetBytes(Mark);
    private readonly byte[][] secrets;
    private byte[] held = [];

    public Redactor(IReadOnlyList<byte[]> secrets) => this.secrets = [.. secrets];

    /// <summary>
    /// The byte sequences to hide, longest first. A secret of several lines (a key file) is also hidden line by line,
    /// because tools indent it; lines under eight characters are left, they would hide too much.
    /// </summary>
    public static IReadOnlyList<string> Needles(IReadOnlyList<string> secrets) =>
        [.. secrets.Where(s => s.Length > 0)
            .SelectMany(s => s.Contains('\n')
                ? s.Split('\n').Select(line => line.Trim()).Where(line => line.Length >= 8).Prepend(s)
                : [s])
            .Distinct(StringComparer.Ordinal)
            .OrderByDescending(s => s.Length).ThenBy(s => s, StringComparer.Ordinal)];

    public static string Text(string text, IReadOnlyList<string> needles)
    {
        foreach (var needle in needles)
        {
            text = text.Replace(needle, Mark, StringComparison.Ordinal);
        }

        return text;
    }

    /// <summary>Passes on what is safe of <paramref name="chunk"/>; the receiver must not keep the span.</summary>
    public void Push(ReadOnlySpan<byte> chunk, Action<ReadOnlySpan<byte>> sink)
    {
        if (secrets.Length == 0)
        {
            sink(chunk);
            return;
        }

        if (held.Length > 0)
        {
            byte[] joined = [.. held, .. chunk];
            held = [];
            chunk = joined;
        }

        while (true)
        {
            var (at, length) = First(chunk);
            // A longer secret may begin there or earlier and not be complete yet: then nothing after its beginning may pass.
            var open = OpenTail(chunk);
            if (at < 0 || open <= at)
            {
                sink(chunk[..open]);
                held = chunk[open..].ToArray();
                return;
            }

            sink(chunk[..at]);
            sink(MarkBytes);
            chunk = chunk[(at + length)..];
        }
    }

    /// <summary>The stream ended: what was held back is no whole secret.</summary>
    public void Finish(Action<ReadOnlySpan<byte>> sink)
    {
        // What is held may still contain a whole shorter secret behind the beginning of a longer one.
        ReadOnlySpan<byte> rest = held;
        held = [];
        while (!rest.IsEmpty)
        {
            var (at, length) = First(rest);
            if (at < 0)
            {
                sink(rest);
                return;
            }

            sink(rest[..at]);
            sink(MarkBytes);
            rest = rest[(at + length)..];
        }
    }

    private (int At, int Length) First(ReadOnlySpan<byte> chunk)
    {
        var (best, length) = (-1, 0);
        foreach (var secret in secrets)
        {
            var at = chunk.IndexOf(secret);
            if (at >= 0 && (best < 0 || at < best))
            {
                (best, length) = (at, secret.Length);
            }
        }

        return (best, length);
    }

    /// <summary>Where the longest tail begins that is a proper beginning of a secret; the length when there is none.</summary>
    private int OpenTail(ReadOnlySpan<byte> chunk)
    {
        var open = chunk.Length;
        foreach (var secret in secrets)
        {
            for (var length = Math.Min(secret.Length - 1, chunk.Length); length > chunk.Length - open; length--)
            {
                if (chunk[^length..].SequenceEqual(secret.AsSpan(0, length)))
                {
                    open = chunk.Length - length;
                    break;
                }
            }
        }

        return open;
    }
}
