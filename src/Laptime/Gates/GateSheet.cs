using Laptime.Fingerprints;

namespace Laptime.Gates;

/// <summary>gates.yaml, checked.</summary>
public sealed record GateSheet
{
    /// <summary>Absolute path of the file.</summary>
    public required string File { get; init; }

    /// <summary>Folder of the file: checks run in it, and every path in it is relative to it.</summary>
    public required string Root { get; init; }

    public required IReadOnlyList<GateItem> Items { get; init; }

    /// <summary>Folder of the records, relative to <see cref="Root"/>.</summary>
    public string Records { get; init; } = "gates";

    /// <summary>Only signed records count.</summary>
    public bool Signed { get; init; }

    public IReadOnlyDictionary<string, string> Tools { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<string> Vars { get; init; } = [];

    public GateItem? Find(string id) => Items.FirstOrDefault(i => i.Id == id);

    /// <summary>The item and what it needs, in the order in which their checks run: the item is the last.</summary>
    public IReadOnlyList<GateItem> Chain(GateItem item)
    {
        var chain = new List<GateItem>();
        Add(item);
        return chain;

        void Add(GateItem next)
        {
            foreach (var need in next.Needs)
            {
                Add(Find(need)!);
            }

            if (!chain.Contains(next))
            {
                chain.Add(next);
            }
        }
    }

    /// <summary>What an item asks for, and what those ask for that it needs: a claim is of exactly this.</summary>
    public Digest Definition(GateItem item)
    {
        using var fields = new LengthPrefixed("laptime gate definition v1");
        foreach (var each in Chain(item))
        {
            fields.Add(each.Id).Add(each.Text).Add(each.Check.Count).Add(each.Shell ? 1 : 0);
            foreach (var list in (ReadOnlySpan<IEnumerable<string>>)[each.Check, each.Inputs, each.Evidence, each.Needs, each.Same.Select(s => s.ToString()), each.Env.OrderBy(e => e.Key, StringComparer.Ordinal).SelectMany(e => (string[])[e.Key, e.Value])])
            {
                var texts = list.ToList();
                fields.Add(texts.Count);
                texts.ForEach(t => fields.Add(t));
            }
        }

        return fields.Finish();
    }
}

/// <summary>What must be equal in claim and verification.</summary>
public enum GateSame
{
    /// <summary>The files that the check leaves.</summary>
    Evidence,

    /// <summary>What it prints to its standard output.</summary>
    Output,
}

/// <summary>One item of a definition of done.</summary>
public sealed record GateItem
{
    public required string Id { get; init; }

    public required string Text { get; init; }

    /// <summary>One text for the shell, or a program and its arguments.</summary>
    public required IReadOnlyList<string> Check { get; init; }

    /// <summary><see cref="Check"/> is a text for the shell.</summary>
    public required bool Shell { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Globs relative to the sheet's folder; empty: everything that git tracks.</summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];

    public IReadOnlyList<string> Evidence { get; init; } = [];

    public IReadOnlyList<GateSame> Same { get; init; } = [GateSame.Evidence];

    public IReadOnlyList<string> Needs { get; init; } = [];

    public IReadOnlyDictionary<string, string> Env { get; init; } = new Dictionary<string, string>();

    /// <summary>The check on one line.</summary>
    public string Line => string.Join(' ', Check).ReplaceLineEndings("; ");
}
