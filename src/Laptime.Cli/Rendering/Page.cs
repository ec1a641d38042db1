using System.Text;

namespace Laptime.Cli.Rendering;

/// <summary>What a piece of text is, beside what it says.</summary>
internal enum Tone
{
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
    Warn,
    Accent,
}

/// <summary>A piece of a line.</summary>
internal readonly record struct Span(string Text, Tone Tone = Tone.Plain)
{
    public static implicit operator Span(string text) => new(text);
}

/// <summary>When a column gives way in a line that is too long.</summary>
internal enum Yields
{
    /// <summary>Only when nothing else is left, the last column first.</summary>
    Never,

    /// <summary>Left out after everything that shrinks is gone.</summary>
    Late,

    /// <summary>Cut shorter; below 8 columns it is left out.</summary>
    Shrinking,

    /// <summary>Left out at once.</summary>
    First,
}

/// <param name="Title">Its heading.</param>
/// <param name="Right">Numbers stand at the right.</param>
/// <param name="Yields">When it gives way.</param>
internal sealed record Column(string Title, bool Right = false, Yields Yields = Yields.Never);

/// <summary>
/// Lines of text that fit a terminal: laid out once, written with colours or without. Text of others is stripped of everything that would move the
/// cursor. The summary is printed after every deploy, so it does without a rendering library, whose start-up would cost more than the printing.
/// </summary>
internal sealed class Page(Terminal terminal)
{
    private const int Gap = 2;
    private const int NarrowestColumn = 8;
    private readonly StringBuilder text = new();

    public int Lines { get; private set; }

    public void Blank() => Line([]);

    /// <summary>One line; what does not fit is cut off.</summary>
    public void Line(params ReadOnlySpan<Span> spans)
    {
        var room = terminal.Width;
        foreach (var span in spans)
        {
            var fitted = TextWidth.Cut(TextWidth.Clean(span.Text), room, terminal.Unicode);
            room -= TextWidth.Of(fitted);
            Write(fitted, span.Tone);
        }

        End();
    }

    /// <summary>A sentence over as many lines as it needs, the following ones indented.</summary>
    public void Wrapped(Span lead, Span sentence, int indent)
    {
        var width = Math.Max(10, terminal.Width - indent);
        var first = true;
        foreach (var part in TextWidth.Wrap(TextWidth.Clean(sentence.Text), width))
        {
            if (first)
            {
                var clean = TextWidth.Clean(lead.Text);
                Write(clean, lead.Tone);
                text.Append(' ', Math.Max(0, indent - TextWidth.Of(clean)));
            }
            else
            {
                text.Append(' ', indent);
            }

            Write(part, sentence.Tone);
            End();
            first = false;
        }
    }

    public void Table(IReadOnlyList<Column> columns, IReadOnlyList<Span[]> rows)
    {
        var widths = new int[columns.Count];
        for (var c = 0; c < widths.Length; c++)
        {
            widths[c] = rows.Select(r => TextWidth.Of(TextWidth.Clean(r[c].Text))).Append(TextWidth.Of(columns[c].Title)).Max();
        }

        Fit(columns, widths);
        Row(columns, widths, [.. columns.Select(c => new Span(c.Title, Tone.Dim))]);
        foreach (var row in rows)
        {
            Row(columns, widths, row);
        }
    }

    public override string ToString() => text.ToString();

    /// <summary>Takes what is too much from the columns, in the order of <see cref="Yields"/>; the sign and the name in front always stay.</summary>
    private void Fit(IReadOnlyList<Column> columns, int[] widths)
    {
        Drop(Yields.First);
        while (Excess() > 0)
        {
            var widest = -1;
            for (var c = 0; c < widths.Length; c++)
            {
                if (columns[c].Yields == Yields.Shrinking && widths[c] > 0 && (widest < 0 || widths[c] > widths[widest]))
                {
                    widest = c;
                }
            }

            if (widest < 0)
            {
                break;
            }

            widths[widest] = widths[widest] - 1 < NarrowestColumn ? 0 : widths[widest] - 1;
        }

        Drop(Yields.Late);
        Drop(Yields.Never);

        int Excess() => widths.Sum() + (Gap * (widths.Count(w => w > 0) - 1)) - terminal.Width;

        void Drop(Yields when)
        {
            for (var c = widths.Length - 1; c > 1; c--)
            {
                if (columns[c].Yields == when && Excess() > 0)
                {
                    widths[c] = 0;
                }
            }
        }
    }

    private void Row(IReadOnlyList<Column> columns, int[] widths, Span[] row)
    {
        var room = terminal.Width;
        var pending = 0;
        for (var c = 0; c < widths.Length; c++)
        {
            if (widths[c] == 0)
            {
                continue;
            }

            var fitted = TextWidth.Cut(TextWidth.Clean(row[c].Text), Math.Min(widths[c], room), terminal.Unicode);
            var missing = widths[c] - TextWidth.Of(fitted);
            pending += columns[c].Right ? missing : 0;
            if (fitted.Length > 0)
            {
                text.Append(' ', pending);
                pending = 0;
                Write(fitted, row[c].Tone);
            }

            pending += (columns[c].Right ? 0 : missing) + Gap;
            room -= widths[c] + Gap;
            if (room <= 0)
            {
                break;
            }
        }

        End();
    }

    private void End()
    {
        text.Append('\n');
        Lines++;
    }

    private void Write(string clean, Tone tone)
    {
        var code = terminal.Color
            ? tone switch { Tone.Strong => "1", Tone.Dim => "2", Tone.Good => "32", Tone.Bad => "31", Tone.Warn => "33", Tone.Accent => "36", _ => null }
            : null;
        if (code is null || clean.Length == 0)
        {
            text.Append(clean);
        }
        else
        {
            text.Append($"\u001b[{code}m").Append(clean).Append("\u001b[0m");
        }
    }
}
