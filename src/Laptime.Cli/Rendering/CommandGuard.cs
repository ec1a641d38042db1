using System.Text;

namespace Laptime.Cli.Rendering;

/// <summary>
/// Between lap and a log that GitHub Actions reads commands from, on both streams: text of others (the output of a build step, a log, a file's name) must not
/// become one. A line that begins with <c>::</c>, blanks before it or not, and <c>##[</c> anywhere are the two forms that the runner knows; a blank put into
/// them leaves text that reads the same. Nothing is held back and nothing else is changed.
/// </summary>
/// <remarks>
/// The runner's own way, <c>::stop-commands::</c>, stops commands of the whole job until its token is seen: a lap that is killed would never say it, and
/// the two streams are read apart, so that the token may come before what it was to cover.
/// </remarks>
/// <param name="inner">Where the text goes.</param>
/// <param name="json">The text is JSON: then <c>[</c> is written as its escape, which says the same to every reader of JSON.</param>
internal sealed class CommandGuard(TextWriter inner, bool json) : TextWriter
{
    private readonly Lock gate = new();
    private bool blank = true;
    private bool colon;
    private int hashes;

    private bool lineStart = true;

    public override Encoding Encoding => inner.Encoding;

    /// <summary>Writes a command of our own, on a line of its own.</summary>
    public void Command(string command)
    {
        lock (gate)
        {
            inner.Write((lineStart ? "" : "\n") + command + "\n");
            inner.Flush();
            (lineStart, blank, colon, hashes) = (true, true, false, 0);
        }
    }

    public override void Write(char value) => Write([value]);

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(ReadOnlySpan<char> buffer)
    {
        lock (gate)
        {
            var done = 0;
            for (var i = 0; i < buffer.Length; i++)
            {
                var c = buffer[i];
                if (colon && c == ':')
                {
                    inner.Write(buffer[done..i]);
                    inner.Write(' ');
                    done = i;
                }
                else if (hashes >= 2 && c == '[')
                {
                    inner.Write(buffer[done..i]);
                    inner.Write(json ? "\\u005b" : " [");
                    done = i + 1;
                }

                colon = blank && c == ':';
                hashes = c == '#' ? hashes + 1 : 0;
                // What a reader may skip at the beginning of a line; the runner's reader ends lines at either character.
                blank = c is '\n' or '\r' || (blank && (char.IsWhiteSpace(c) || char.IsControl(c) || char.GetUnicodeCategory(c) == System.Globalization.UnicodeCategory.Format));
            }

            inner.Write(buffer[done..]);
            lineStart = buffer.Length > 0 ? buffer[^1] == '\n' : lineStart;
        }
    }

    public override void Flush() => inner.Flush();
}
