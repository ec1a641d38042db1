using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Laptime.Precompile;

/// <summary>
/// A method as the runtime names it where it tells what it compiled (<c>DOTNET_JitStdOutFile</c>, <c>DOTNET_JitDisasmSummary</c>):
/// <c>Namespace.Type`1+Nested`1[Argument,Argument]:Method[Argument](parameters)</c>. <c>System.__Canon</c> stands for every class.
/// </summary>
internal sealed record MethodName(Shape.Defined Type, string Name, ImmutableArray<Shape> Arguments, int Parameters)
{
    /// <summary>Null: a type in it is not there, or it is written in a way that is not known.</summary>
    public static MethodName? Parse(string text, Assemblies assemblies) => new Reader(text, assemblies).Read();

    private ref struct Reader(string text, Assemblies assemblies)
    {
        private int at;

        public MethodName? Read()
        {
            if (Type() is not Shape.Defined type || !Take(':'))
            {
                return null;
            }

            var start = at;
            while (at < text.Length && text[at] is not ('[' or '('))
            {
                at++;
            }

            var name = text[start..at];
            var arguments = ImmutableArray<Shape>.Empty;
            return (at < text.Length && text[at] == '[' && !TryArguments(out arguments)) || !Take('(') ? null : new MethodName(type, name, arguments, Parameters());
        }

        private bool Take(char wanted)
        {
            if (at < text.Length && text[at] == wanted)
            {
                at++;
                return true;
            }

            return false;
        }

        private readonly int Parameters()
        {
            if (at < text.Length && text[at] == ')')
            {
                return 0;
            }

            var (depth, count) = (0, 1);
            for (var i = at; i < text.Length && (text[i] != ')' || depth > 0); i++)
            {
                depth += text[i] is '[' or '(' ? 1 : text[i] is ']' or ')' ? -1 : 0;
                count += text[i] == ',' && depth == 0 ? 1 : 0;
            }

            return count;
        }

        private bool TryArguments(out ImmutableArray<Shape> arguments)
        {
            var found = ImmutableArray.CreateBuilder<Shape>();
            arguments = [];
            do
            {
                at++;
                if (Type() is not { } argument)
                {
                    return false;
                }

                found.Add(argument);
            }
            while (at < text.Length && text[at] == ',');
            arguments = found.ToImmutable();
            return Take(']');
        }

        private Shape? Type()
        {
            // The names of what the compiler makes contain what else separates: <>c__DisplayClass5_0, <RunAsync>d__3.
            var (start, angles) = (at, 0);
            while (at < text.Length && (angles > 0 || text[at] is not ('[' or ']' or ',' or ':' or '(' or ')')))
            {
                angles += text[at] == '<' ? 1 : text[at] == '>' ? -1 : 0;
                at++;
            }

            var name = text[start..at];
            var arguments = ImmutableArray<Shape>.Empty;
            if (at + 1 < text.Length && text[at] == '[' && text[at + 1] != ']' && !TryArguments(out arguments))
            {
                return null;
            }

            var type = Primitive(name) is { } code ? new Shape.Primitive(code) : (Shape?)assemblies.Find(name, arguments);
            while (type is not null && at + 1 < text.Length && text[at] == '[' && text[at + 1] == ']')
            {
                type = new Shape.Array(type);
                at += 2;
            }

            return type;
        }

        private static PrimitiveTypeCode? Primitive(string name) => name switch
        {
            "System.__Canon" => PrimitiveTypeCode.Object,
            "bool" => PrimitiveTypeCode.Boolean,
            "char" => PrimitiveTypeCode.Char,
            "byte" => PrimitiveTypeCode.Byte,
            "sbyte" => PrimitiveTypeCode.SByte,
            "short" => PrimitiveTypeCode.Int16,
            "ushort" => PrimitiveTypeCode.UInt16,
            "int" => PrimitiveTypeCode.Int32,
            "uint" => PrimitiveTypeCode.UInt32,
            "long" => PrimitiveTypeCode.Int64,
            "ulong" => PrimitiveTypeCode.UInt64,
            "nint" => PrimitiveTypeCode.IntPtr,
            "nuint" => PrimitiveTypeCode.UIntPtr,
            "float" => PrimitiveTypeCode.Single,
            "double" => PrimitiveTypeCode.Double,
            _ => null,
        };
    }
}
