using System.Text;

namespace Laptime.Workspaces;

/// <summary>
/// A text with ${names}, parsed once with the file (unknown names are errors there) and resolved once before anything runs.
/// Known names: profile.X, env.X (secret), workspace.name, environment, component, components.NAME.port, components.NAME.address, and at run time port, revision, transaction.
/// <c>$${</c> writes a literal <c>${</c>.
/// </summary>
public sealed record Template(string Source, IReadOnlyList<TemplatePart> Parts)
{
    public static Template Literal(string text) => new(text, [new TemplatePart.Text(text)]);

    public IEnumerable<string> Names => Parts.OfType<TemplatePart.Name>().Select(p => p.Value);

    /// <summary>The text with every name replaced. <paramref name="value"/> gives null for a name that has no value here.</summary>
    /// <exception cref="KeyNotFoundException">A name has no value.</exception>
    public string Resolve(Func<string, string?> value)
    {
        if (Parts is [TemplatePart.Text only])
        {
            return only.Value;
        }

        var text = new StringBuilder();
        foreach (var part in Parts)
        {
            text.Append(part switch
            {
                TemplatePart.Text t => t.Value,
                TemplatePart.Name n => value(n.Value) ?? throw new KeyNotFoundException($"${{{n.Value}}} has no value here"),
                _ => throw new System.Diagnostics.UnreachableException(),
            });
        }

        return text.ToString();
    }

    public override string ToString() => Source;
}

public abstract record TemplatePart
{
    private TemplatePart() { }

    public sealed record Text(string Value) : TemplatePart;

    public sealed record Name(string Value) : TemplatePart;
}
