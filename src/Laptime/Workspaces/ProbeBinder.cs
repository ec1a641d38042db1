using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>The probes of one component.</summary>
internal sealed class ProbeBinder(ValueBinder values, string component, bool hasPort)
{
    /// <summary>A probe has exactly one of these keys.</summary>
    public static readonly string[] Forms = ["http", "tcp", "run", "file"];

    private readonly CommandBinder commands = new(values, TemplateScope.Run, component, []);

    private ProblemList Problems => values.Problems;

    public ProbeSettings Probes(Field field)
    {
        if (Fields.Of(field.Value, field.KeyNode, "`probes`", WorkspaceKeys.Probes, Problems) is not { } probes)
        {
            return new ProbeSettings();
        }

        var smoke = new List<Probe>();
        foreach (var item in values.Items(probes["smoke"]))
        {
            if (Probe(item, item, "smoke", TimeSpan.FromSeconds(60)) is { } probe)
            {
                smoke.Add(probe);
            }
        }

        return new ProbeSettings
        {
            Live = One(probes["live"], TimeSpan.FromSeconds(30)),
            Ready = One(probes["ready"], TimeSpan.FromSeconds(30)),
            Smoke = smoke,
            Reflect = One(probes["reflect"], TimeSpan.FromSeconds(10)),
        };
    }

    private Probe? One(Field? field, TimeSpan timeout) => field is null ? null : Probe(field.Value, field.KeyNode, field.Name, timeout);

    private Probe? Probe(YamlNode node, YamlNode at, string name, TimeSpan timeout)
    {
        if (Fields.Of(node, at, $"`{name}`", WorkspaceKeys.Probe, Problems) is not { } fields)
        {
            return null;
        }

        Field? form = null;
        foreach (var candidate in Forms)
        {
            if (fields[candidate] is not { } field)
            {
                continue;
            }

            if (form is not null)
            {
                Problems.Add(field.KeyNode, $"`{name}` has both `{form.Name}` and `{field.Name}`: a probe has one of {string.Join(", ", Forms)}", name == "smoke" ? "write two checks" : "keep one");
                return null;
            }

            form = field;
        }

        if (form is null)
        {
            Problems.Add(at, $"`{name}` does not say what to check", $"add one of {string.Join(", ", Forms)}");
            return null;
        }

        Only(fields["status"], form, "http");
        Only(fields["headers"], form, "http");
        Only(fields["contains"], form, "http", "run", "file");
        var bound = values.Span(fields["timeout"]);
        var poll = values.Span(fields["poll"]);
        var successes = values.Integer(fields["successes"]);
        return Form(form, fields) is { } bind
            ? new Probe
            {
                Form = bind,
                Timeout = bound ?? timeout,
                Poll = poll ?? TimeSpan.FromMilliseconds(100),
                Successes = successes ?? 1,
                At = Problems.At(node),
            }
            : null;
    }

    private ProbeForm? Form(Field form, Fields fields)
    {
        var contains = commands.Template(fields["contains"]);
        switch (form.Name)
        {
            case "http":
                var status = values.Integer(fields["status"]);
                var headers = commands.Templates(fields["headers"], Header);
                return commands.Template(form) is { } path && IsPath(form, path) && HasPort(form) ? new ProbeForm.Http(path, status, contains, headers) : null;
            case "tcp":
                return Tcp(form);
            case "run":
                return commands.Command(form) is { } command ? new ProbeForm.Run(command, contains) : null;
            default:
                return commands.Template(form) is { } file && IsFile(form) ? new ProbeForm.File(file, contains) : null;
        }
    }

    private ProbeForm.Tcp? Tcp(Field form)
    {
        var own = form.Value.Kind == YamlKind.Scalar && form.Value.Text == "${port}";
        if (own)
        {
            return HasPort(form) ? new ProbeForm.Tcp(null) : null;
        }

        return values.Scalar(form.Value, form.Name, form.Key.Type, form.Key.Example) is { } node && values.Integer(node, form.Name, new KeyType.Integer(1, 65535)) is { } number
            ? new ProbeForm.Tcp(number)
            : null;
    }

    private bool IsPath(Field form, Template path)
    {
        var text = form.Value.Text;
        var fine = path.Parts is [TemplatePart.Name, ..] || text.StartsWith('/');
        if (!fine)
        {
            var url = Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? uri : null;
            Problems.Add(form.Value, $"`http` must be a path that starts with `/`, not {form.Value.Describe()}",
                $"write `http: {ProblemList.Short(url is null ? "/" + text : url.PathAndQuery)}`: the component's own port is asked");
        }

        foreach (var c in text)
        {
            if (c <= ' ' || c == '\u007f' || c == '#')
            {
                Problems.Add(form.Value, c == '#' ? "`http` has a `#`: a server never sees what follows" : "`http` has a space or a control character", c == ' ' ? "write `%20`" : "remove it");
                return false;
            }
        }

        return fine;
    }

    private bool IsFile(Field form)
    {
        var text = form.Value.Text;
        if (text.Trim().Length > 0 && text[0] != '/' && !text.StartsWith("../", StringComparison.Ordinal) && !text.Contains("/../", StringComparison.Ordinal) && text != "..")
        {
            return true;
        }

        Problems.Add(form.Value, $"`file` must be a path inside the instance's directory, not {form.Value.Describe()}", "write it relative");
        return false;
    }

    private bool HasPort(Field form)
    {
        if (hasPort)
        {
            return true;
        }

        Problems.Add(form.KeyNode, $"component `{component}` has no `run.port` to ask", "add `port: 8080` to its `run`");
        return false;
    }

    private void Header(YamlNode key)
    {
        var fine = key.Text.Length > 0;
        foreach (var c in key.Text)
        {
            fine &= char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c);
        }

        if (!fine)
        {
            Problems.Add(key, $"`{ProblemList.Short(key.Text)}` is not a name of an HTTP header", "letters, digits and `-`");
        }
    }

    private void Only(Field? field, Field form, params ReadOnlySpan<string> forms)
    {
        if (field is null)
        {
            return;
        }

        foreach (var valid in forms)
        {
            if (form.Name == valid)
            {
                return;
            }
        }

        Problems.Add(field.KeyNode, $"`{field.Name}` does not go with `{form.Name}`", $"it goes with {string.Join(", ", forms!)}");
    }
}
