namespace Laptime.Workspaces;

/// <summary>One key of laptime.yaml: the binder, the JSON Schema and the reference page are all made from it.</summary>
/// <param name="Name">As written in the file.</param>
/// <param name="Type">What its value may be.</param>
/// <param name="Description">One or two sentences.</param>
/// <param name="Example">A value, as YAML.</param>
/// <param name="Default">What is taken without the key, in words; null: nothing.</param>
/// <param name="Required">The mapping is not complete without it.</param>
public sealed record Key(string Name, KeyType Type, string Description, string Example, string? Default = null, bool Required = false);

/// <summary>The keys one mapping may have.</summary>
/// <param name="Id">Name of the mapping in the schema and the reference: <c>component</c>, <c>step</c>.</param>
/// <param name="Where">Where in the file such a mapping stands, for readers.</param>
public sealed record KeySet(string Id, string Where, IReadOnlyList<Key> Keys)
{
    /// <summary>Keys that start with it are the user's own, in every mapping.</summary>
    public const string OwnPrefix = "x-";

    public Key? Find(string name)
    {
        foreach (var key in Keys)
        {
            if (key.Name == name)
            {
                return key;
            }
        }

        return null;
    }

    public IReadOnlyCollection<string> Names
    {
        get
        {
            var names = new string[Keys.Count];
            for (var i = 0; i < names.Length; i++)
            {
                names[i] = Keys[i].Name;
            }

            return names;
        }
    }
}

/// <summary>What the value of a key may be.</summary>
public abstract record KeyType
{
    private KeyType() { }

    /// <summary>In messages and in the reference: "a whole number from 1 to 65535".</summary>
    public abstract string Words { get; }

    /// <summary>A text, taken verbatim.</summary>
    public sealed record Text : KeyType
    {
        public override string Words => "text";
    }

    /// <summary>A text with ${names}.</summary>
    public sealed record TemplateText : KeyType
    {
        public override string Words => "text with `${names}`";
    }

    /// <summary>A name: letters, digits, '-', '_' and '.'.</summary>
    public sealed record Name : KeyType
    {
        public override string Words => "a name";
    }

    /// <summary>A file or folder, relative, with '/'.</summary>
    public sealed record Path : KeyType
    {
        public override string Words => "a relative path";
    }

    /// <summary>A glob pattern, relative, with '/'.</summary>
    public sealed record Glob : KeyType
    {
        public override string Words => "a glob pattern";
    }

    /// <summary>A whole number.</summary>
    public sealed record Integer(int Least, int Most) : KeyType
    {
        public override string Words => Least == Most ? $"the number {Least}" : $"a whole number from {Least} to {Most}";
    }

    /// <summary>A number with its unit.</summary>
    public sealed record Span(string Least, string Most) : KeyType
    {
        public override string Words => $"a duration from {Least} to {Most}";
    }

    /// <summary>Yes or no.</summary>
    public sealed record Switch : KeyType
    {
        public override string Words => "`true` or `false`";
    }

    /// <summary>A day of the calendar; it ends at midnight UTC.</summary>
    public sealed record Day : KeyType
    {
        public override string Words => "a day: year-month-day";
    }

    /// <summary>One of fixed words.</summary>
    public sealed record Choice(params string[] Of) : KeyType
    {
        public override string Words => "one of " + string.Join(", ", Of.Select(o => $"`{o}`"));
    }

    /// <summary>One of fixed words, or a mapping from names of components to one of them.</summary>
    public sealed record ChoiceByName(params string[] Of) : KeyType
    {
        public override string Words => $"{new Choice(Of).Words}, or a mapping from names to these";
    }

    /// <summary>A port, or <c>${port}</c> for the component's own.</summary>
    public sealed record PortOrOwn : KeyType
    {
        public override string Words => "a port, or `${port}` for the component's own";
    }

    /// <summary>A text for the system's shell, or a list: the program and its arguments.</summary>
    public sealed record Command : KeyType
    {
        public override string Words => "a shell command, or a list: program and arguments";
    }

    /// <summary>A list; one value may stand for a list of one.</summary>
    public sealed record Many(KeyType Of) : KeyType
    {
        public override string Words => $"a list: {Of.Words}; one may stand alone";
    }

    /// <summary>A mapping with known keys.</summary>
    public sealed record Section(KeySet Keys) : KeyType
    {
        public override string Words => $"a mapping (`{Keys.Id}`)";
    }

    /// <summary>A mapping with known keys, or a command that stands for its <c>command</c> or <c>run</c> key.</summary>
    public sealed record SectionOrCommand(KeySet Keys) : KeyType
    {
        public override string Words => $"a mapping (`{Keys.Id}`), or only its command";
    }

    /// <summary>A mapping from names of the user's choice.</summary>
    /// <param name="MayBeEmpty">A name alone is enough: everything has a default.</param>
    public sealed record Named(KeySet Keys, bool MayBeEmpty = false) : KeyType
    {
        public override string Words => $"a mapping from names to mappings (`{Keys.Id}`)";
    }

    /// <summary>What the names of <see cref="Texts"/> are.</summary>
    public enum TextNames
    {
        /// <summary>Environment variables.</summary>
        Variable,

        /// <summary>Names as everywhere in the file.</summary>
        Name,
    }

    /// <summary>A mapping from names to texts.</summary>
    /// <param name="Names">Null: any (HTTP headers).</param>
    public sealed record Texts(bool Templates, TextNames? Names) : KeyType
    {
        public override string Words => Templates ? "a mapping from names to text with `${names}`" : "a mapping from names to text";
    }
}
