using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Laptime.Precompile;

/// <summary>
/// Methods to be compiled ahead, as the compiler reads them: an assembly with one method, <c>AssemblyDictionary</c>, that names groups of assemblies and for
/// each a method that names the methods made of types of just these (<c>ldtoken</c>, <c>pop</c>). None of them is ever run.
/// </summary>
internal sealed class Profile(Assemblies assemblies)
{
    private readonly MetadataBuilder metadata = new();
    private readonly List<(int Token, string Group)> methods = [];
    private readonly Dictionary<string, AssemblyReferenceHandle> references = new(StringComparer.Ordinal);
    private readonly Dictionary<(Module, TypeDefinitionHandle), TypeReferenceHandle> types = [];
    private SortedSet<string> used = [];

    public int Count => methods.Count;

    /// <summary>Every method of a type that has code.</summary>
    public void AddMethodsOf(Shape.Defined type)
    {
        foreach (var handle in type.Module.Metadata.GetTypeDefinition(type.Handle).GetMethods())
        {
            var method = type.Module.Metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress != 0 && method.GetGenericParameters().Count == 0)
            {
                _ = TryAdd(type, method, []);
            }
        }
    }

    /// <summary>False: there is no such method.</summary>
    public bool TryAdd(string line)
    {
        if (MethodName.Parse(line, assemblies) is not { } name)
        {
            return false;
        }

        var found = false;
        foreach (var handle in name.Type.Module.Metadata.GetTypeDefinition(name.Type.Handle).GetMethods())
        {
            // Those of one name and number of parameters are compiled all: there are few.
            var method = name.Type.Module.Metadata.GetMethodDefinition(handle);
            found |= name.Type.Module.Metadata.GetString(method.Name) == name.Name && method.GetGenericParameters().Count == name.Arguments.Length
                && method.RelativeVirtualAddress != 0 && method.DecodeSignature(assemblies, name.Type.Module).ParameterTypes.Length == name.Parameters && TryAdd(name.Type, method, name.Arguments);
        }

        return found;
    }

    public void Save(string path)
    {
        metadata.AddModule(0, metadata.GetOrAddString("profile"), metadata.GetOrAddGuid(Guid.NewGuid()), default, default);
        metadata.AddAssembly(metadata.GetOrAddString("profile"), new Version(1, 0), default, default, 0, AssemblyHashAlgorithm.None);
        var code = new BlobBuilder();
        var bodies = new MethodBodyStreamEncoder(code);
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSignature().Parameters(0, r => r.Void(), _ => { });
        var nothing = metadata.GetOrAddBlob(signature);
        var groups = methods.GroupBy(m => m.Group, StringComparer.Ordinal).ToList();

        // The dictionary is the first method, the groups are those after it.
        Add("AssemblyDictionary", dictionary =>
        {
            for (var i = 0; i < groups.Count; i++)
            {
                dictionary.LoadString(metadata.GetOrAddUserString(groups[i].Key));
                dictionary.OpCode(ILOpCode.Ldtoken);
                dictionary.Token(MetadataTokens.MethodDefinitionHandle(i + 2));
                dictionary.OpCode(ILOpCode.Pop);
            }
        });
        foreach (var group in groups)
        {
            Add("Group", list =>
            {
                foreach (var (token, _) in group)
                {
                    list.OpCode(ILOpCode.Ldtoken);
                    list.Token(token);
                    list.OpCode(ILOpCode.Pop);
                }
            });
        }

        metadata.AddTypeDefinition(default, default, metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        var image = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(metadata), code).Serialize(image);
        using var file = File.Create(path);
        image.WriteContentTo(file);

        void Add(string name, Action<InstructionEncoder> write)
        {
            var body = new InstructionEncoder(new BlobBuilder());
            write(body);
            body.OpCode(ILOpCode.Ret);
            metadata.AddMethodDefinition(
                MethodAttributes.Public | MethodAttributes.Static, MethodImplAttributes.IL, metadata.GetOrAddString(name), nothing, bodies.AddMethodBody(body), MetadataTokens.ParameterHandle(1));
        }
    }

    private bool TryAdd(Shape.Defined type, MethodDefinition method, ImmutableArray<Shape> arguments)
    {
        used = new SortedSet<string>(StringComparer.Ordinal) { type.Module.Name };
        try
        {
            var signature = method.DecodeSignature(assemblies, type.Module);
            var blob = new BlobBuilder();
            new BlobEncoder(blob).MethodSignature(signature.Header.CallingConvention, signature.GenericParameterCount, signature.Header.IsInstance).Parameters(
                signature.ParameterTypes.Length, result => Write(result, signature.ReturnType), parameters =>
                {
                    foreach (var parameter in signature.ParameterTypes)
                    {
                        Write(parameters.AddParameter(), parameter);
                    }
                });
            var member = metadata.AddMemberReference(TokenOf(type), metadata.GetOrAddString(type.Module.Metadata.GetString(method.Name)), metadata.GetOrAddBlob(blob));
            EntityHandle token = member;
            if (arguments.Length > 0)
            {
                var instance = new BlobBuilder();
                var list = new BlobEncoder(instance).MethodSpecificationSignature(arguments.Length);
                foreach (var argument in arguments)
                {
                    Write(list.AddArgument(), argument);
                }

                token = metadata.AddMethodSpecification(member, metadata.GetOrAddBlob(instance));
            }

            methods.Add((MetadataTokens.GetToken(token), string.Join(';', used) + ";"));
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }

    private void Write(ReturnTypeEncoder encoder, Shape shape)
    {
        shape = Modifiers(encoder.CustomModifiers, shape);
        switch (shape)
        {
            case Shape.Primitive { Code: PrimitiveTypeCode.Void }:
                encoder.Void();
                break;
            case Shape.Reference reference:
                Write(encoder.Type(isByRef: true), reference.Element);
                break;
            default:
                Write(encoder.Type(), shape);
                break;
        }
    }

    private void Write(ParameterTypeEncoder encoder, Shape shape)
    {
        shape = Modifiers(encoder.CustomModifiers, shape);
        if (shape is Shape.Reference reference)
        {
            Write(encoder.Type(isByRef: true), reference.Element);
        }
        else
        {
            Write(encoder.Type(), shape);
        }
    }

    private Shape Modifiers(Func<CustomModifiersEncoder> encoder, Shape shape)
    {
        while (shape is Shape.Modified modified)
        {
            _ = encoder().AddModifier(TokenOf(modified.Modifier), !modified.IsRequired);
            shape = modified.Element;
        }

        return shape;
    }

    private void Write(SignatureTypeEncoder encoder, Shape shape)
    {
        switch (shape)
        {
            case Shape.Primitive { Code: PrimitiveTypeCode.Object }:
                encoder.Object();
                break;
            case Shape.Primitive { Code: not (PrimitiveTypeCode.Void or PrimitiveTypeCode.TypedReference) } primitive:
                encoder.PrimitiveType(primitive.Code);
                break;
            case Shape.Array array:
                Write(encoder.SZArray(), array.Element);
                break;
            case Shape.Pointer { Element: Shape.Primitive { Code: PrimitiveTypeCode.Void } }:
                encoder.VoidPointer();
                break;
            case Shape.Pointer pointer:
                Write(encoder.Pointer(), pointer.Element);
                break;
            case Shape.TypeParameter parameter:
                encoder.GenericTypeParameter(parameter.Index);
                break;
            case Shape.MethodParameter parameter:
                encoder.GenericMethodTypeParameter(parameter.Index);
                break;
            case Shape.Defined { Arguments.Length: 0 } defined:
                encoder.Type(ReferenceTo(defined.Module, defined.Handle), defined.Module.IsValue(defined.Handle));
                break;
            case Shape.Defined defined:
                var arguments = encoder.GenericInstantiation(ReferenceTo(defined.Module, defined.Handle), defined.Arguments.Length, defined.Module.IsValue(defined.Handle));
                foreach (var argument in defined.Arguments)
                {
                    Write(arguments.AddArgument(), argument);
                }

                break;
            default:
                throw new NotSupportedException(shape.ToString());
        }
    }

    private EntityHandle TokenOf(Shape shape)
    {
        if (shape is Shape.Defined { Arguments.Length: 0 } defined)
        {
            return ReferenceTo(defined.Module, defined.Handle);
        }

        var blob = new BlobBuilder();
        Write(new BlobEncoder(blob).TypeSpecificationSignature(), shape);
        return metadata.AddTypeSpecification(metadata.GetOrAddBlob(blob));
    }

    private TypeReferenceHandle ReferenceTo(Module module, TypeDefinitionHandle handle)
    {
        used.Add(module.Name);
        if (types.TryGetValue((module, handle), out var known))
        {
            return known;
        }

        var type = module.Metadata.GetTypeDefinition(handle);
        EntityHandle scope = type.GetDeclaringType() is { IsNil: false } outer ? ReferenceTo(module, outer) : ReferenceTo(module);
        return types[(module, handle)] = metadata.AddTypeReference(
            scope, metadata.GetOrAddString(module.Metadata.GetString(type.Namespace)), metadata.GetOrAddString(module.Metadata.GetString(type.Name)));
    }

    private AssemblyReferenceHandle ReferenceTo(Module module) => references.TryGetValue(module.Name, out var known) ? known
        : references[module.Name] = metadata.AddAssemblyReference(metadata.GetOrAddString(module.Name), module.Metadata.GetAssemblyDefinition().Version, default, default, default, default);
}
