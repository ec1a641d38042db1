using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>Reads components.NAME.build.image. A key that the chosen way of building would not look at is an error: it would be ignored in silence.</summary>
/// <param name="folder">Absolute path of the component's folder.</param>
internal sealed class ImageBinder(ValueBinder values, PathRule paths, string component, string folder)
{
    private static readonly string[] OfDockerfile = ["dockerfile", "context", "target"];
    private static readonly string[] OfBase = ["root", "workdir", "user", "env", "labels", "port", "command"];

    /// <summary>How a base without a digest is mended.</summary>
    public const string PinIt = "pin it by digest, for example `registry.example.org/runtime@sha256:…`: then every machine builds the same image; or `scratch`";

    private ProblemList Problems => values.Problems;

    public static string NotPinned(string text, string what) => $"`base: {ProblemList.Short(text)}` {what}";

    /// <param name="built">The component has steps, which may write the Dockerfile.</param>
    /// <param name="onto">Where its base is written.</param>
    public ImageSettings? Image(Field field, bool built, out Field? onto)
    {
        onto = null;
        if (Fields.Of(field.Value, field.KeyNode, "`image`", WorkspaceKeys.Image, Problems) is not { } fields)
        {
            return null;
        }

        onto = fields["base"];
        var builder = (ImageBuilder)(values.Choice(fields["builder"]) ?? 0);
        var image = new ImageSettings(Dockerfile(fields, field, built && builder != ImageBuilder.Dotnet, fields["base"] is not null || builder == ImageBuilder.Dotnet), Context(fields), values.Text(fields["target"]))
        {
            Builder = builder,
            Platform = Platform(fields["platform"]),
            Base = Base(fields["base"], builder),
            User = values.Text(fields["user"]),
            Port = values.Integer(fields["port"]),
        };
        Mixed(fields, builder);
        if (fields["args"] is { } args)
        {
            image = image with { Arguments = new CommandBinder(values, TemplateScope.Build, component, []).Templates(args, Argument) };
        }

        if (fields["root"] is { } root && values.Text(root) is not null && paths.Path(root.Value, "root", folder) is { } below)
        {
            image = image with { Root = below };
        }

        if (fields["workdir"] is { } workdir && WorkDir(workdir) is { } at)
        {
            image = image with { WorkDir = at };
        }

        if (fields["env"] is { } env)
        {
            image = image with { Env = Texts(env) };
        }

        if (fields["labels"] is { } labels)
        {
            image = image with { Labels = Texts(labels) };
        }

        return fields["command"] is { } command ? image with { Command = Words(command) } : image;
    }

    private string Dockerfile(Fields fields, Field field, bool built, bool unused)
    {
        var dockerfile = fields["dockerfile"] is { } file ? values.Text(file) is null ? null : paths.Path(file.Value, "dockerfile", folder) : "Dockerfile";
        if (!built && !unused && dockerfile is not null && Directory.Exists(folder) && !File.Exists(Path.Combine(folder, dockerfile)))
        {
            // With steps, one of them may write it.
            Problems.Add(fields["dockerfile"]?.Value ?? field.KeyNode, $"the file `{ProblemList.Short(dockerfile)}` does not exist in the component's folder",
                fields["dockerfile"] is null ? "create it, or build without one: `base: scratch`" : "correct `dockerfile`, or create it");
        }

        return dockerfile ?? "Dockerfile";
    }

    private string Context(Fields fields) =>
        (fields["context"] is { } where ? values.Text(where) is null ? null : paths.Path(where.Value, "context", folder) : "") ?? "";

    private void Mixed(Fields fields, ImageBuilder builder)
    {
        var based = fields["base"];
        foreach (var name in OfDockerfile)
        {
            if (fields[name] is { } odd && (based is not null || builder == ImageBuilder.Dotnet))
            {
                Problems.Add(odd.KeyNode, $"`{name}` is about a Dockerfile, and {(based is not null ? "`base`" : "`builder: dotnet`")} builds without one", "remove one of them");
            }
        }

        foreach (var name in OfBase)
        {
            if (fields[name] is { } odd && (based is null || builder != ImageBuilder.Auto))
            {
                Problems.Add(odd.KeyNode, $"`{name}` belongs to an image that lap makes itself, with `base`",
                    builder == ImageBuilder.Dotnet ? "set it in the project file" : "write it into the Dockerfile");
            }
        }

        if (fields["args"] is { } args && based is not null && builder == ImageBuilder.Auto)
        {
            Problems.Add(args.KeyNode, "`args` are for a Dockerfile or `builder: dotnet`; with `base` nothing would read them", "use them in `steps`");
        }

        if (based is not null && builder is ImageBuilder.Docker or ImageBuilder.Buildah)
        {
            Problems.Add(fields["builder"]!.Value, "an image with `base` is made by lap itself", "remove `builder`, or write a Dockerfile with `FROM` instead of `base`");
        }
    }

    private string? Base(Field? field, ImageBuilder builder)
    {
        if (values.Text(field) is not { } text)
        {
            return null;
        }

        if (builder == ImageBuilder.Dotnet || ImageReference.TryParse(text, out _, out var what))
        {
            return text;
        }

        if (ValueBinder.NameLike(text) == text)
        {
            // A component, maybe: known when all of them are.
            return text;
        }

        Problems.Add(field!.Value, NotPinned(text, what), PinIt);
        return null;
    }

    private string? Platform(Field? field)
    {
        if (values.Text(field) is not { } text)
        {
            return null;
        }

        var parts = text.Split('/');
        if (parts.Length is 2 or 3 && parts[0] == "linux" && parts.All(p => p.Length > 0 && p.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_')))
        {
            return text;
        }

        Problems.Add(field!.Value, text.Contains(',') ? "`platform` is one platform: several make a list of images, which cannot be deployed as one" : $"`platform: {ProblemList.Short(text)}` is no platform",
            "for example `platform: linux/amd64`");
        return null;
    }

    private string? WorkDir(Field field)
    {
        if (values.Text(field) is not { } text)
        {
            return null;
        }

        var parts = text.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (text[0] == '/' && text.AsSpan().IndexOfAnyInRange('\0', '\u001f') < 0 && !parts.Any(p => p is "." or ".."))
        {
            return "/" + string.Join('/', parts);
        }

        Problems.Add(field.Value, $"`workdir: {ProblemList.Short(text)}` is no absolute path in the image", "for example `workdir: /app`");
        return null;
    }

    private void Argument(YamlNode key)
    {
        if (!ValueBinder.IsVariable(key.Text))
        {
            Problems.Add(key, $"`{ProblemList.Short(key.Text)}` is not a name of a build argument", "letters, digits and `_`, not starting with a digit");
        }
    }

    private Dictionary<string, string> Texts(Field field)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in CommandBinder.Texts(values, field))
        {
            if (field.Name == "env" && !ValueBinder.IsVariable(entry.Key.Text))
            {
                Problems.Add(entry.Key, $"`{ProblemList.Short(entry.Key.Text)}` is not a name of an environment variable", "letters, digits and `_`, not starting with a digit");
            }

            if (entry.Value.Text.Contains("${", StringComparison.Ordinal))
            {
                Problems.Add(entry.Value, $"`${{…}}` is not replaced in `{field.Name}` of an image: everybody who has the image could read it", "write the text out, or give the value at the start with `run.env`");
            }

            texts[entry.Key.Text] = entry.Value.Text;
        }

        return texts;
    }

    /// <summary>Arguments may repeat.</summary>
    private List<string> Words(Field field)
    {
        var words = new List<string>();
        foreach (var item in values.Items(field))
        {
            if (values.Text(item, field.Name, new KeyType.Text(), field.Key.Example) is { } word)
            {
                words.Add(word);
            }
        }

        return words;
    }
}
