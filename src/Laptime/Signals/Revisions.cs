using Laptime.Workspaces;

namespace Laptime.Signals;

/// <summary>Revisions in the answers of instances: <c>gateway@1a2b3c4d5e6f</c>.</summary>
internal static class Revisions
{
    private const int Digits = 12;

    /// <summary>
    /// The reflect probe as it is asked: without <c>contains</c>, an HTTP answer or a file must contain the revision. A command judges for itself (it
    /// has LAPTIME_REVISION). Null when the form cannot carry a revision.
    /// </summary>
    public static Probe? Asking(Probe probe)
    {
        var revision = new Template("${revision}", [new TemplatePart.Name("revision")]);
        return probe.Form switch
        {
            ProbeForm.Tcp => null,
            ProbeForm.Http { Contains: null } http => probe with { Form = http with { Contains = revision } },
            ProbeForm.File { Contains: null } file => probe with { Form = file with { Contains = revision } },
            _ => probe,
        };
    }

    /// <summary>The wanted revision when the text has it, else the first one of this component; null when there is none.</summary>
    public static string? Find(string text, string component, string wanted)
    {
        string? other = null;
        var prefix = component + "@";
        for (var at = text.IndexOf(prefix, StringComparison.Ordinal); at >= 0; at = text.IndexOf(prefix, at + 1, StringComparison.Ordinal))
        {
            var stop = at + prefix.Length + Digits;
            if ((at > 0 && (char.IsLetterOrDigit(text[at - 1]) || text[at - 1] is '-' or '_' or '.'))
                || stop > text.Length || (stop < text.Length && char.IsLetterOrDigit(text[stop]))
                || !IsHex(text.AsSpan(at + prefix.Length, Digits)))
            {
                continue;
            }

            var found = text[at..stop];
            if (found == wanted)
            {
                return found;
            }

            other ??= found;
        }

        return other;
    }

    private static bool IsHex(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiHexDigitLower(c))
            {
                return false;
            }
        }

        return true;
    }
}
